import type {
  ConnectionState,
  ContainerRow,
  EventRow,
  ExitRow,
  FeedMessage,
  NodeInfo,
  PodRow,
} from "../messages.js";
import { Series } from "./series.js";

const maxEvents = 500;

/** A container of a pod over all its restarts. */
export interface Group {
  readonly podId: string;
  readonly name: string;
  /** The newest attempt, as the three below. */
  readonly current: ContainerRow;
  /** All attempts that the runtime still has, the newest first. */
  readonly attempts: readonly ContainerRow[];
  readonly restarts: number;
  /** How the last attempt that ended did so. */
  readonly lastExit: ExitRow | undefined;
  readonly lastEnded: ContainerRow | undefined;
}

/** The usage of a container, as it was read last. */
export interface Usage {
  readonly milliCores: number | null;
  readonly memoryBytes: number | null;
}

const noUsage: Usage = { milliCores: null, memoryBytes: null };

/** Everything that the page knows of the node. The feed changes it. */
export class NodeState {
  node: NodeInfo | undefined;
  connection: ConnectionState = { connected: false, error: undefined };
  /** Changes with each message. */
  version = 0;
  /** The difference between the server's clock and this one. */
  clockOffsetMs = 0;
  intervalMs = 0;
  readonly pods = new Map<string, PodRow>();
  readonly groups = new Map<string, Group>();
  events: EventRow[] = [];
  /** The sum of all containers. */
  total: Usage = noUsage;
  totalSeries = new Series(10_000, 0);
  readonly #containers = new Map<string, ContainerRow>();
  readonly #usage = new Map<number, Usage>();
  readonly #series = new Map<number, Series>();
  #stepMs = 10_000;

  /** The time on the server. */
  get now(): number {
    return Date.now() + this.clockOffsetMs;
  }

  usageOf({ key }: ContainerRow): Usage {
    return this.#usage.get(key) ?? noUsage;
  }

  seriesOf({ key }: ContainerRow): Series | undefined {
    return this.#series.get(key);
  }

  groupsOf(podId: string): Group[] {
    return [...this.groups.values()].filter((group) => group.podId === podId);
  }

  /** Finds the container of an id, which may be an attempt that ended. */
  groupOfContainer(id: string): Group | undefined {
    const container = this.#containers.get(id);
    return container && this.groups.get(groupId(container.podId, container.name));
  }

  apply(message: FeedMessage): void {
    this.version++;
    if (message.type === "start") this.#start(message);
    else this.#change(message);
  }

  #change(message: FeedMessage & { readonly type: "change" }): void {
    const { pods = [], containers = [], removed = [], events, connection, node, usage } = message;
    for (const pod of pods) this.pods.set(pod.id, pod);
    for (const container of containers) this.#containers.set(container.id, container);
    const groups = new Set(containers.map(({ podId, name }) => groupId(podId, name)));
    for (const id of removed) {
      this.pods.delete(id);
      const container = this.#containers.get(id);
      if (!container) continue;
      this.#containers.delete(id);
      groups.add(groupId(container.podId, container.name));
    }
    if (groups.size > 0) this.#regroup(groups);
    if (events) this.events = [...this.events, ...events].slice(-maxEvents);
    if (connection) this.connection = connection;
    if (node) this.node = node;
    if (usage) {
      for (const [key, milliCores, memoryBytes] of usage.rows)
        if (milliCores === null && memoryBytes === null) this.#usage.delete(key);
        else this.#usage.set(key, { milliCores, memoryBytes });
      this.#extendSeries(usage.at);
    }
  }

  #start(message: FeedMessage & { readonly type: "start" }): void {
    this.clockOffsetMs = message.now - Date.now();
    this.intervalMs = message.intervalMs;
    this.node = message.node;
    this.connection = message.connection;
    this.events = [...message.events];
    for (const all of [this.pods, this.#containers, this.groups, this.#usage, this.#series]) all.clear();
    for (const pod of message.pods) this.pods.set(pod.id, pod);
    for (const container of message.containers) this.#containers.set(container.id, container);
    this.#regroup(new Set(message.containers.map(({ podId, name }) => groupId(podId, name))));
    for (const [key, milliCores, memoryBytes] of message.usage)
      this.#usage.set(key, { milliCores, memoryBytes });
    const { stepMs, endAt, rows } = message.series;
    this.#stepMs = stepMs;
    for (const row of rows) {
      const series = new Series(stepMs, endAt - 1);
      series.fill(row);
      this.#series.set(row[0], series);
    }
    this.#startTotal(endAt);
  }

  /** The totals of the past are the sums of the containers that still exist. */
  #startTotal(endAt: number): void {
    this.totalSeries = new Series(this.#stepMs, endAt - 1);
    const all = [...this.#series.values()];
    const sum = (kind: "milliCores" | "memoryBytes") => {
      const sums: (number | null)[] = [];
      for (const series of all)
        series.ordered(kind).forEach((value, n) => {
          if (!Number.isNaN(value)) sums[n] = (sums[n] ?? 0) + value;
        });
      return Array.from({ length: sums.length }, (_, n) => sums[n] ?? null);
    };
    if (all.length > 0) this.totalSeries.fill([0, sum("milliCores"), sum("memoryBytes")]);
    this.total = this.#sum();
  }

  #extendSeries(at: number): void {
    for (const [key, { milliCores, memoryBytes }] of this.#usage) {
      let series = this.#series.get(key);
      if (!series) {
        series = new Series(this.#stepMs, at);
        this.#series.set(key, series);
      }
      series.add(at, milliCores, memoryBytes);
    }
    for (const series of this.#series.values()) series.advance(at);
    this.total = this.#sum();
    this.totalSeries.add(at, this.total.milliCores, this.total.memoryBytes);
  }

  #sum(): Usage {
    let milliCores = 0;
    let memoryBytes = 0;
    for (const usage of this.#usage.values()) {
      milliCores += usage.milliCores ?? 0;
      memoryBytes += usage.memoryBytes ?? 0;
    }
    return this.#usage.size === 0 ? noUsage : { milliCores, memoryBytes };
  }

  #forget(id: string): void {
    const { key = 0 } = this.groups.get(id)?.current ?? {};
    this.groups.delete(id);
    this.#usage.delete(key);
    this.#series.delete(key);
  }

  /** Builds these groups anew. */
  #regroup(ids: ReadonlySet<string>): void {
    const attempts = new Map<string, ContainerRow[]>();
    for (const container of this.#containers.values()) {
      const id = groupId(container.podId, container.name);
      if (!ids.has(id)) continue;
      const known = attempts.get(id);
      if (known) known.push(container);
      else attempts.set(id, [container]);
    }
    for (const id of ids) {
      const all = attempts.get(id);
      if (all) this.groups.set(id, group(all));
      else this.#forget(id);
    }
  }
}

/** The id of a container over its restarts. */
export function groupId(podId: string, name: string): string {
  return `${podId}/${name}`;
}

function group(containers: ContainerRow[]): Group {
  const attempts = containers.sort(
    (a, b) => b.attempt - a.attempt || (b.createdAt ?? 0) - (a.createdAt ?? 0),
  );
  const [current] = attempts as [ContainerRow, ...ContainerRow[]];
  const lastEnded = attempts.find(({ exit }) => exit !== undefined);
  const { podId, name } = current;
  // A client that does not count attempts leaves the containers that ended.
  const restarts = Math.max(current.attempt, attempts.length - 1);
  return { podId, name, current, attempts, restarts, lastEnded, lastExit: lastEnded?.exit };
}
