import type { Lists, RuntimeClient } from "../clients/index.js";
import { cancelOnReturn, isCriError, linkedController, OptionTable, option } from "../core/index.js";
import type {
  ContainerEvent,
  Events,
  NodeContainer,
  NodePod,
  PodEvent,
  ResyncEvent,
} from "../events/index.js";
import {
  type LogCursor,
  type LogEntry,
  LogMerge,
  type LogNotice,
  type LogReader,
  type LogStream,
} from "../logs/index.js";
import { containerLogs } from "./container-logs.js";
import { podFactsOfItem } from "./facts.js";
import { listPods, type PodListFilter } from "./listing.js";
import { ownerKeys } from "./ownership.js";

/** Selects the containers whose logs are followed: those of the pods that match every field that is set. */
export interface FollowLogsFilter extends Pick<PodListFilter, "name" | "namespace" | "labels" | "owner"> {
  /** ContainerMetadata.name, exactly. @default all containers of the pods */
  readonly container?: string | undefined;
}

/** The container that printed an entry. */
export interface FollowedContainer {
  /** PodSandboxMetadata.namespace. */
  readonly namespace: string;
  /** PodSandboxMetadata.name. */
  readonly podName: string;
  /** The id of the sandbox. */
  readonly podId: string;
  /** ContainerMetadata.name. */
  readonly containerName: string;
  /** The id of the container. */
  readonly containerId: string;
  /** ContainerMetadata.attempt: how often the container was restarted. */
  readonly attempt: number;
}

/** An entry of one of the followed logs. */
export interface FollowedLogEntry extends FollowedContainer {
  /** The entry. */
  readonly entry: LogEntry;
  /** Where the log continues after this entry, for the `from` of a later {@link Cri.logs}. */
  readonly cursor: LogCursor | undefined;
}

/** Options of {@link Cri.followLogs}. */
export interface FollowLogsOptions {
  /**
   * Reads only the last `tail` lines of each container that is running already. Containers that start later are read from their
   * beginning.
   * @default all lines
   */
  readonly tail?: number | undefined;
  /** Reads only lines logged at this time or later. A bigint is nanoseconds since 1970. @default no limit */
  readonly since?: Date | bigint | undefined;
  /** Reads only what was printed to this stream. @default both */
  readonly stream?: LogStream | undefined;
  /**
   * How long the merge waits for a log without a new entry, in milliseconds, because its next entry may be earlier than those of the
   * other logs.
   * @default 200
   */
  readonly maxWaitMs?: number | undefined;
  /** Called for rotations, unreadable lines and damaged files, with the container whose log it is. @default none */
  readonly onNotice?: ((notice: LogNotice, container: FollowedContainer) => void) | undefined;
  /**
   * Called when the log of a container cannot be read; the others are followed on.
   * @default such an error ends the iteration, except for `log_missing`: the container has no log, or was removed before it was read
   */
  readonly onFailure?: ((error: unknown, container: FollowedContainer) => void) | undefined;
  /** Ends the iteration, which rejects with `aborted_by_caller`, or `deadline` for `AbortSignal.timeout()`. @default none */
  readonly signal?: AbortSignal | undefined;
}

const filterTable = new OptionTable<FollowLogsFilter>({
  name: option.string,
  namespace: option.string,
  labels: option.recordOf(option.string),
  owner: option.string,
  container: option.string,
});
const optionsTable = new OptionTable<FollowLogsOptions>({
  tail: option.wholeNumber(0),
  since: (value) =>
    typeof value === "bigint"
      ? undefined
      : option.date(value) && "must be a valid Date, or nanoseconds as a bigint",
  stream: option.oneOf("stdout", "stderr"),
  maxWaitMs: option.milliseconds,
  onNotice: option.callback,
  onFailure: option.callback,
  signal: option.signal,
});

/** More logs than a node usually has. Each holds a file and a part of it, 64 KiB or more; further ones wait for the end of one. */
const maxOpenLogs = 1_000;

/** What following needs of a connection. */
export interface FollowContext {
  readonly runtime: RuntimeClient;
  readonly lists: Lists;
  readonly events: Events;
}

/** Follows the logs of containers that come and go; see `cri.followLogs()`. Throws `invalid_option`. */
export function followLogs(
  context: FollowContext,
  filter: FollowLogsFilter = {},
  options: FollowLogsOptions = {},
): AsyncIterableIterator<FollowedLogEntry> & AsyncDisposable {
  filterTable.check("followLogs", filter);
  optionsTable.check("followLogs", options);
  return cancelOnReturn((signal) => new LogFollower(context, filter, options).run(signal), options.signal);
}

/** A log that is read, or waits for that. */
interface FollowedLog {
  readonly container: FollowedContainer;
  /** Whether the container was running before the following began. */
  readonly isOld: boolean;
}

/** The logs of the containers that match a filter, which events add and end. */
class LogFollower {
  readonly #context: FollowContext;
  readonly #filter: FollowLogsFilter;
  readonly #options: FollowLogsOptions;
  readonly #merge: LogMerge<FollowedContainer>;
  /** The pods of the node, by id. */
  readonly #pods = new Map<string, NodePod>();
  /** The ids of the containers that exist and were considered. */
  readonly #seen = new Set<string>();
  /** The ids of the containers that may print more. */
  readonly #running = new Set<string>();
  readonly #waiting: FollowedLog[] = [];
  #isSynced = false;

  constructor(context: FollowContext, filter: FollowLogsFilter, options: FollowLogsOptions) {
    this.#context = context;
    this.#filter = filter;
    this.#options = options;
    this.#merge = new LogMerge({
      maxWaitMs: options.maxWaitMs ?? 200,
      onEnd: () => this.#startWaiting(),
      onFailure: (container, error) => this.#onFailure(container, error),
    });
  }

  async *run(signal: AbortSignal): AsyncGenerator<FollowedLogEntry, void, undefined> {
    const stop = linkedController(signal);
    // Events are read whether or not entries are; their queue has a limit.
    const watching = this.#watch(stop.signal);
    try {
      for await (const { source, entry, cursor } of this.#merge.entries(signal))
        yield { ...source, entry, cursor };
    } finally {
      stop.unlink();
      stop.abort();
      await watching;
    }
  }

  async #watch(signal: AbortSignal): Promise<void> {
    try {
      for await (const event of this.#context.events.read({ signal })) {
        if (event.type === "resync") await this.#resync(event, signal);
        else if ("kind" in event) await this.#apply(event, signal);
      }
    } catch (error) {
      this.#merge.fail(error);
    }
  }

  async #apply(event: PodEvent | ContainerEvent, signal: AbortSignal): Promise<void> {
    if (event.kind === "pod") {
      if (event.type === "deleted") this.#pods.delete(event.id);
      else this.#pods.set(event.id, event.pod);
    } else if (event.type === "started") await this.#consider(event.container, false, signal);
    else if (event.type !== "created") {
      this.#running.delete(event.id);
      if (event.type === "deleted") this.#seen.delete(event.id);
    }
  }

  /** Compares with the complete state: at the start, after an outage of the runtime, and when events were lost. */
  async #resync({ pods, containers }: ResyncEvent, signal: AbortSignal): Promise<void> {
    const isFirst = !this.#isSynced;
    this.#isSynced = true;
    this.#pods.clear();
    for (const pod of pods) this.#pods.set(pod.id, pod);
    const states = new Map(containers.map(({ id, state }) => [id, state]));
    for (const id of this.#running) if (states.get(id) !== "running") this.#running.delete(id);
    for (const id of this.#seen) if (!states.has(id)) this.#seen.delete(id);
    for (const container of containers) {
      // What ran before the following began and has ended is not of interest. What ran and ended since then is.
      if (container.state === "running" || (container.state === "exited" && !isFirst))
        await this.#consider(container, isFirst, signal);
      else if (container.state === "exited") this.#seen.add(container.id);
    }
  }

  async #consider(container: NodeContainer, isOld: boolean, signal: AbortSignal): Promise<void> {
    const { id, podId, name, attempt, state } = container;
    if (this.#seen.has(id)) return;
    const pod = this.#pods.get(podId) ?? (await this.#lookUp(podId, signal));
    if (pod === undefined) return;
    this.#seen.add(id);
    if (!this.#matches(pod, container)) return;
    if (state === "running") this.#running.add(id);
    this.#waiting.push({
      isOld,
      container: Object.freeze({
        namespace: pod.namespace,
        podName: pod.name,
        podId,
        containerName: name,
        containerId: id,
        attempt,
      }),
    });
    this.#startWaiting();
  }

  #matches(pod: NodePodInfo, container: NodeContainer): boolean {
    const { name, namespace, labels = {}, owner } = this.#filter;
    const required = Object.entries(owner === undefined ? labels : { ...labels, [ownerKeys.owner]: owner });
    return (
      (name === undefined || pod.name === name) &&
      (namespace === undefined || pod.namespace === namespace) &&
      required.every(([key, value]) => pod.labels[key] === value) &&
      (this.#filter.container === undefined || container.name === this.#filter.container)
    );
  }

  /** Looks up a pod of which no event arrived. A runtime that is unavailable now leads to a resync later. */
  async #lookUp(id: string, signal: AbortSignal): Promise<NodePodInfo | undefined> {
    try {
      const [item] = await listPods(this.#context, { id }, { signal });
      return item && podFactsOfItem(item);
    } catch (error) {
      if (signal.aborted) throw error;
      return undefined;
    }
  }

  #startWaiting(): void {
    while (this.#merge.size < maxOpenLogs) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#merge.add(next.container, this.#read(next));
    }
  }

  #read({ container, isOld }: FollowedLog): LogReader {
    const { tail, since, stream, onNotice } = this.#options;
    return containerLogs(this.#context.runtime, container.containerId, {
      follow: true,
      tail: isOld ? tail : undefined,
      since,
      stream,
      onNotice: onNotice && ((notice) => onNotice(notice, container)),
      // Known from the events: no calls are needed.
      running: () => this.#running.has(container.containerId),
    });
  }

  #onFailure(container: FollowedContainer, error: unknown): void {
    const { onFailure } = this.#options;
    if (onFailure) onFailure(error, container);
    else if (!(isCriError(error) && error.reason === "log_missing")) throw error;
  }
}

type NodePodInfo = Pick<NodePod, "name" | "namespace" | "labels">;
