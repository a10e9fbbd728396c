import { setTimeout as pause } from "node:timers/promises";
import { type Cri, isCriError, type NodeContainer, type NodeWatch } from "cri-sdk";
import type { UsageSample } from "cri-sdk/observe";
import type {
  ConnectionState,
  ContainerRow,
  EventRow,
  FeedMessage,
  NodeInfo,
  UsageHistory,
  UsageRow,
} from "../messages.js";
import { History } from "./history.js";
import { readNode, unknownNode } from "./node-info.js";
import { containerRow, eventRow, podRow } from "./rows.js";

/** How often changes are sent, at most. */
const batchMs = 250;
/** How often the runtime's conditions are read. */
const conditionsMs = 30_000;
/** The number of events that are kept, and sent at once at most. */
const maxEvents = 500;
/** The pause before a stream that failed is opened again. */
const retryMs = 1_000;

/** What is read from the runtime, each again and again until the model is closed. */
type Stream = "events" | "objects" | "usage" | "conditions";

/** What the model reads and where its messages go. */
export interface NodeModelOptions {
  readonly cri: Cri;
  readonly intervalMs: number;
  readonly isReadOnly: boolean;
  /** Called with the changes since the last call, at most four times a second. */
  readonly onChange: (message: FeedMessage) => void;
}

/**
 * The live state of the node, from one watch, one stream of events and one of usage, no matter how many pages are open. It collects changes
 * and reports them in batches, so that a burst of a thousand events is a few messages.
 */
export class NodeModel implements AsyncDisposable {
  readonly #options: NodeModelOptions;
  readonly #closing = new AbortController();
  readonly #history: History;
  /** The keys by the pod and the name, so that usage continues over restarts. */
  readonly #keys = new Map<string, number>();
  readonly #limits = new Map<string, number>();
  readonly #events: EventRow[] = [];
  readonly #work: Promise<void>[] = [];
  #usage = new Map<number, readonly [milliCores: number | null, memoryBytes: number | null]>();
  #watch: NodeWatch | undefined;
  #node: NodeInfo;
  #isConnected = false;
  /** The errors that the streams had last. The first one is shown. */
  readonly #failures = new Map<Stream, string>();
  #nextKey = 1;
  #nextEvent = 1;

  readonly #changed = new Set<string>();
  #newEvents: EventRow[] = [];
  #isNodeChanged = false;
  #isConnectionChanged = false;
  #changedUsage: { at: number; rows: UsageRow[] } | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: NodeModelOptions) {
    this.#options = options;
    this.#history = new History(options.intervalMs);
    this.#node = unknownNode(options.cri.endpoint, options.isReadOnly);
  }

  /** The pods and containers; undefined until the runtime has responded once. */
  get watch(): NodeWatch | undefined {
    return this.#watch;
  }

  /** Begins to follow the node. Returns at once, also while the runtime is unavailable. */
  start(): void {
    this.#work.push(
      this.#untilClosed("events", () => this.#followEvents()),
      this.#untilClosed("objects", () => this.#followObjects()),
      this.#untilClosed("usage", () => this.#followUsage()),
      this.#untilClosed("conditions", () => this.#followConditions()),
    );
  }

  /** Returns everything that is known, for a page that was just opened. */
  startMessage(): FeedMessage {
    // What is still collected would be sent again as a change, to all pages.
    this.#flush();
    return {
      type: "start",
      now: Date.now(),
      intervalMs: this.#options.intervalMs,
      node: this.#node,
      connection: this.#connection,
      pods: [...(this.#watch?.pods.values() ?? [])].map(podRow),
      containers: [...(this.#watch?.containers.values() ?? [])].map((one) => this.#row(one)),
      usage: [...this.#usage].map(([key, [milliCores, memoryBytes]]) => [key, milliCores, memoryBytes]),
      series: this.#history.steps(),
      events: this.#events,
    };
  }

  /** Returns the usage of a container over the last minutes. */
  usageHistory(containerId: string): UsageHistory {
    const container = this.#watch?.containers.get(containerId);
    return this.#history.of(container ? this.#keyOf(container) : 0);
  }

  /** Ends all streams. Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort();
    clearTimeout(this.#timer);
    await Promise.all(this.#work);
    await this.#watch?.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Runs `follow` until the model is closed, again after a failure. */
  async #untilClosed(stream: Stream, follow: () => Promise<void>): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted)
      try {
        await follow();
      } catch (error) {
        if (signal.aborted) return;
        if (!isCriError(error)) throw error;
        this.#setFailure(stream, error.message);
        await pause(retryMs, undefined, { signal }).catch(() => undefined);
      }
  }

  async #followObjects(): Promise<void> {
    const { signal } = this.#closing;
    this.#watch ??= await this.#options.cri.watchNode({ signal });
    this.#setFailure("objects", undefined);
    for (const id of [...this.#watch.pods.keys(), ...this.#watch.containers.keys()]) this.#mark(id);
    for await (const { type, id } of this.#watch.changes({ signal })) {
      if (type === "delete") this.#limits.delete(id);
      this.#mark(id);
    }
  }

  async #followEvents(): Promise<void> {
    const { cri } = this.#options;
    for await (const event of cri.events.read({ signal: this.#closing.signal, queueLimit: 10_000 })) {
      if (event.type === "connected") this.#setConnected(true, undefined);
      if (event.type === "disconnected")
        this.#setConnected(false, event.error?.message ?? "The runtime ended its events.");
      const row = eventRow(event, this.#nextEvent, cri.endpoint);
      if (!row) continue;
      this.#nextEvent++;
      this.#events.push(row);
      if (this.#events.length > maxEvents) this.#events.shift();
      this.#newEvents.push(row);
      if (this.#newEvents.length > maxEvents) this.#newEvents.shift();
      this.#schedule();
    }
  }

  async #followUsage(): Promise<void> {
    const { cri, intervalMs } = this.#options;
    const options = { intervalMs, pods: false, signal: this.#closing.signal } as const;
    for await (const sample of cri.stats.watch(options)) {
      this.#setFailure("usage", sample.error?.message);
      if (!sample.error) this.#addUsage(sample);
    }
  }

  async #followConditions(): Promise<void> {
    const { signal } = this.#closing;
    for (;;) {
      const node = await readNode(this.#options.cri, this.#node, signal);
      this.#setFailure("conditions", undefined);
      if (JSON.stringify(node) !== JSON.stringify(this.#node)) {
        this.#node = node;
        this.#isNodeChanged = true;
        this.#schedule();
      }
      await pause(conditionsMs, undefined, { signal });
    }
  }

  #addUsage({ at, containers }: UsageSample): void {
    const before = this.#usage;
    const now: typeof before = new Map();
    for (const { id, podId = "", name, cpu, memory } of containers) {
      const { workingSetBytes, availableBytes } = memory ?? {};
      const milliCores = cpu?.cores === undefined ? null : Math.round(cpu.cores * 1_000);
      const memoryBytes = workingSetBytes === undefined ? null : Number(workingSetBytes);
      // An attempt that has ended must not hide the one that runs.
      if (milliCores === null && memoryBytes === null) continue;
      now.set(this.#keyOf({ podId, name }), [milliCores, memoryBytes]);
      if (workingSetBytes !== undefined && availableBytes !== undefined)
        this.#setLimit(id, Number(workingSetBytes + availableBytes));
    }
    const rows: UsageRow[] = [];
    for (const [key, [milliCores, memoryBytes]] of now) {
      const last = before.get(key);
      if (!last || last[0] !== milliCores || last[1] !== memoryBytes)
        rows.push([key, milliCores, memoryBytes]);
    }
    for (const key of before.keys()) if (!now.has(key)) rows.push([key, null, null]);
    this.#usage = now;
    this.#history.add(at.getTime(), now);
    // A batch that was not sent yet has rows that this one may lack.
    this.#changedUsage = { at: at.getTime(), rows: [...(this.#changedUsage?.rows ?? []), ...rows] };
    this.#schedule();
  }

  #setLimit(id: string, bytes: number): void {
    if (this.#limits.get(id) === bytes) return;
    this.#limits.set(id, bytes);
    this.#mark(id);
  }

  get #connection(): ConnectionState {
    const [error] = [this.#failures.get("events"), ...this.#failures.values()].filter(Boolean);
    return { connected: this.#isConnected, error };
  }

  #setConnected(isConnected: boolean, error: string | undefined): void {
    this.#isConnectionChanged ||= isConnected !== this.#isConnected;
    this.#isConnected = isConnected;
    this.#setFailure("events", error);
  }

  #setFailure(stream: Stream, error: string | undefined): void {
    const before = this.#connection.error;
    if (error === undefined) this.#failures.delete(stream);
    else this.#failures.set(stream, error);
    this.#isConnectionChanged ||= before !== this.#connection.error;
    if (this.#isConnectionChanged) this.#schedule();
  }

  #keyOf({ podId, name }: { readonly podId: string; readonly name: string }): number {
    const id = `${podId}/${name}`;
    const known = this.#keys.get(id);
    if (known !== undefined) return known;
    const key = this.#nextKey++;
    this.#keys.set(id, key);
    return key;
  }

  /** Forgets the usage of containers of which no attempt is left. */
  #forgetKeys(): void {
    const all = new Set([...(this.#watch?.containers.values() ?? [])].map((one) => this.#keyOf(one)));
    for (const [id, key] of this.#keys) {
      if (all.has(key)) continue;
      this.#keys.delete(id);
      this.#history.delete(key);
    }
  }

  #row(container: NodeContainer): ContainerRow {
    return containerRow(container, this.#keyOf(container), this.#limits.get(container.id));
  }

  #mark(id: string): void {
    this.#changed.add(id);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#closing.signal.aborted) return;
    this.#timer ??= setTimeout(() => this.#flush(), batchMs);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const pods = [];
    const containers = [];
    const removed: string[] = [];
    for (const id of this.#changed) {
      const pod = this.#watch?.pods.get(id);
      const container = this.#watch?.containers.get(id);
      if (pod) pods.push(podRow(pod));
      else if (container) containers.push(this.#row(container));
      else removed.push(id);
    }
    if (removed.length > 0) this.#forgetKeys();
    const message: FeedMessage = {
      type: "change",
      ...(pods.length > 0 && { pods }),
      ...(containers.length > 0 && { containers }),
      ...(removed.length > 0 && { removed }),
      ...(this.#newEvents.length > 0 && { events: this.#newEvents }),
      ...(this.#isConnectionChanged && { connection: this.#connection }),
      ...(this.#isNodeChanged && { node: this.#node }),
      ...(this.#changedUsage && { usage: this.#changedUsage }),
    };
    this.#changed.clear();
    this.#newEvents = [];
    this.#isConnectionChanged = false;
    this.#isNodeChanged = false;
    this.#changedUsage = undefined;
    if (Object.keys(message).length > 1) this.#options.onChange(message);
  }
}
