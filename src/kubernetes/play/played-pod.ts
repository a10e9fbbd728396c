import {
  checkArgument,
  checkCommand,
  criError,
  isCriError,
  OptionTable,
  option,
  raceAbort,
  sleep,
  withDeadline,
} from "../../core/index.js";
import type { Cri } from "../../cri.js";
import type { LogEntry } from "../../logs/index.js";
import {
  type ExecOptions,
  execTable,
  portForwardTable,
  type RunCommandOptions,
  type RunCommandResult,
  runCommandTable,
} from "../../sessions/index.js";
import type { PodStatus } from "../api/index.js";
import type { DefaultedPod } from "../defaults/index.js";
import type { ObservedPod } from "../worker/observed.js";
import { activeSandbox, findContainer, newestInstance } from "../worker/pod-containers.js";
import type { PodWorker } from "../worker/pod-worker.js";
import type { PodWorkerEvent } from "../worker/ports.js";
import type { RemovalParts } from "../worker/prune.js";
import { type RemovePodOptions, removePod } from "../worker/remove-pod.js";
import type { History, PlayStream } from "./history.js";
import { type PlayInputs, playInputsTable } from "./options.js";
import { type PlayLogsOptions, playLogsTable, readPlayLogs } from "./play-logs.js";
import { type PlayWaitOptions, waitForStatus } from "./wait.js";

/** Which container a command runs in. */
export interface InPlayedPodOptions {
  /** The name of the container. @default the annotation `kubectl.kubernetes.io/default-container`, or the first of `spec.containers` */
  readonly container?: string | undefined;
}

/** Options of {@link PlayedPod.stop}. */
export interface PlayStopOptions {
  /**
   * The seconds until SIGKILL, preStop hooks included; at least 1. A later call may shorten it.
   * @default the Pod's `terminationGracePeriodSeconds`
   */
  readonly gracePeriodSeconds?: number | undefined;
  /** Whether the logs stay. @default false */
  readonly keepLogs?: boolean | undefined;
  /** Then the call rejects with `deadline`, in milliseconds; the pod is stopped nevertheless. @default no deadline */
  readonly timeoutMs?: number | undefined;
}

const stopTable = new OptionTable<PlayStopOptions>({
  gracePeriodSeconds: option.wholeNumber(0),
  keepLogs: option.boolean,
  timeoutMs: option.timeoutMs,
});
const container = option.nonEmptyString;
const inPodExecTable = new OptionTable<InPlayedPodOptions & ExecOptions>({ ...execTable.checks, container });
const inPodRunCommandTable = new OptionTable<InPlayedPodOptions & RunCommandOptions>({
  ...runCommandTable.checks,
  container,
});

/** How often the removal of a stopped pod is tried, and the pause between two attempts, in milliseconds. */
const removal = { attempts: 10, pauseMs: 3_000 } as const;

/** What a {@link PlayedPod} is made of. */
export interface PlayedPodParts {
  readonly cri: Cri;
  readonly worker: PodWorker;
  readonly removal: RemovalParts & { readonly node: NonNullable<RemovePodOptions["node"]> };
  readonly events: History<PodWorkerEvent>;
  readonly statuses: History<{ readonly status: PodStatus<Date>; readonly observed: ObservedPod }>;
  readonly setInputs: (inputs: PlayInputs) => void;
  /** Called once: after the pod was removed, or with true when it is left running. */
  readonly onEnd: (isLeft: boolean) => Promise<void>;
}

/** A Pod that this process runs: {@link playPod}. Its events can be iterated over; `await using` stops and removes it. */
export class PlayedPod implements AsyncDisposable, AsyncIterable<PodWorkerEvent> {
  /** `metadata.namespace` */
  readonly namespace: string;
  /** `metadata.name` */
  readonly name: string;
  /** `metadata.uid` */
  readonly uid: string;
  /** The parts of the manifest that are not used as they are, such as the replicas of a Deployment: one sentence each, with its place. */
  readonly notices: readonly string[];
  readonly #parts: PlayedPodParts;
  #removal: Promise<PodStatus<Date>> | undefined;
  #keepLogs = false;
  #detachment: Promise<void> | undefined;
  #ending: Promise<void> | undefined;
  /** Whether the worker has ended: the pod has ended, was detached, or the client was closed. */
  #hasEnded = false;

  /** Called by {@link playPod}. */
  constructor(parts: PlayedPodParts, notices: readonly string[]) {
    this.#parts = parts;
    this.notices = notices;
    const { namespace, name, uid } = parts.worker.pod.metadata;
    this.namespace = namespace;
    this.name = name;
    this.uid = uid;
    const end = (error?: unknown) => {
      this.#hasEnded = true;
      parts.events.end(error);
      parts.statuses.end(error);
    };
    // With a closed client, this handle cannot do anything for the pod any more: a later `playPod` may adopt it.
    const abandon = async (error: unknown) => {
      end(error);
      await this.#end(true);
    };
    parts.worker.done.then(() => end(), abandon).catch(() => undefined);
  }

  /** The Pod with its defaults. */
  get pod(): DefaultedPod {
    return this.#parts.worker.pod;
  }

  /** Returns the current status, as the kubelet would report it. */
  status(): PodStatus<Date> {
    return this.#parts.worker.status ?? { phase: "Pending" };
  }

  /** Returns the events of the pod from its start on, at most the last 200 of the past, until it has ended. */
  events(): AsyncIterableIterator<PodWorkerEvent> & AsyncDisposable {
    return this.#parts.events.read("first");
  }

  /** Returns all events: {@link events}. */
  [Symbol.asyncIterator](): AsyncIterableIterator<PodWorkerEvent> & AsyncDisposable {
    return this.events();
  }

  /** Returns the current status and each new one, until the pod has ended. */
  statusChanges(): AsyncIterableIterator<PodStatus<Date>> & AsyncDisposable {
    const changes = this.#parts.statuses.read("latest");
    return mapStream(changes, ({ status }) => status);
  }

  /**
   * Waits for a status. `ended` needs a Pod whose restart policy lets it end. Rejects with {@link CriError}: `wrong_state` when the pod ends
   * or is detached before, `client_closed`, `deadline`, `aborted_by_caller`, `invalid_option`.
   */
  wait(options: PlayWaitOptions): Promise<PodStatus<Date>> {
    return waitForStatus(`${this.namespace}/${this.name}`, () => this.statusChanges(), options);
  }

  /**
   * Reads the log of a container. With `follow`, waits for the container, and continues after its restarts, until the pod has ended. The
   * iteration rejects with `log_missing` for a container without a log, and as `cri.logs` does.
   */
  logs(options: PlayLogsOptions = {}): AsyncIterableIterator<LogEntry> & AsyncDisposable {
    playLogsTable.check("playedPod.logs", options);
    const { worker, statuses } = this.#parts;
    return readPlayLogs(this.#containerName("playedPod.logs", options.container), options, {
      observations: () => mapStream(statuses.read("latest"), ({ observed }) => observed),
      // After the end of the worker, nothing reports that a container exits.
      isRunning: (id) =>
        !this.#hasEnded && worker.observed.containers.some((one) => one.id === id && one.state === "running"),
    });
  }

  /**
   * Runs a command in a running container and returns its streams, as `cri.exec` does. Rejects as that does, and with `wrong_state` for a
   * container that does not run, `object_missing` for an unknown name.
   */
  async exec(
    command: readonly string[],
    options: InPlayedPodOptions & ExecOptions = {},
  ): Promise<Awaited<ReturnType<Cri["exec"]>>> {
    checkCommand("playedPod.exec", command);
    inPodExecTable.check("playedPod.exec", options);
    const { container: name, ...rest } = options;
    return this.#parts.cri.exec(this.#runningId("playedPod.exec", name), command, rest);
  }

  /**
   * Runs a command in a running container to its end and returns its exit code and output, as `cri.runCommand` does. Rejects as
   * {@link exec} does.
   */
  async runCommand(
    command: readonly string[],
    options: InPlayedPodOptions & RunCommandOptions & { readonly encoding?: "utf8" | undefined } = {},
  ): Promise<RunCommandResult> {
    checkCommand("playedPod.runCommand", command);
    inPodRunCommandTable.check("playedPod.runCommand", options);
    const { container: name, ...rest } = options;
    return this.#parts.cri.runCommand(this.#runningId("playedPod.runCommand", name), command, rest);
  }

  /** Returns access to the ports of the pod, as `cri.portForward` does, until the sandbox is replaced. Throws `wrong_state` without one. */
  portForward(options?: Parameters<Cri["portForward"]>[1]): ReturnType<Cri["portForward"]> {
    portForwardTable.check("playedPod.portForward", options);
    const sandbox = activeSandbox(this.#parts.worker.observed);
    if (sandbox === undefined)
      throw criError("wrong_state", `pod ${this.namespace}/${this.name} has no running sandbox`);
    return this.#parts.cri.portForward(sandbox.id, options);
  }

  /** Replaces objects that the Pod refers to. Volumes are written anew; environment variables change with the next start of a container. */
  update(inputs: PlayInputs): void {
    checkArgument("playedPod.update", "inputs", inputs, option.nested(playInputsTable));
    this.#parts.setInputs(inputs);
    this.#parts.worker.refresh();
  }

  /**
   * Stops the pod and removes everything of it from the node. Returns the last status. Repeatable: another call may shorten the grace
   * period. Rejects with `deadline`, and as CRI's Stop and Remove RPCs do when the runtime does not remove it within 30 s; then call it again.
   */
  async stop(options: PlayStopOptions = {}): Promise<PodStatus<Date>> {
    stopTable.check("playedPod.stop", options);
    if (this.#detachment) throw criError("wrong_state", `pod ${this.namespace}/${this.name} was detached`);
    const { gracePeriodSeconds, keepLogs = false, timeoutMs } = options;
    this.#keepLogs ||= keepLogs;
    this.#parts.worker.terminate({ gracePeriodSeconds });
    this.#removal ??= this.#remove().catch((error: unknown) => {
      this.#removal = undefined;
      throw error;
    });
    const removed = this.#removal;
    return withDeadline({ timeoutMs }, (signal) => raceAbort(removed, signal));
  }

  /**
   * Ends the handle and leaves the pod running: a later `playPod` of the same Pod adopts it. Streams and waits end. Does nothing while the
   * pod is being stopped, and after that.
   */
  async detach(): Promise<void> {
    if (this.#removal) return;
    this.#detachment ??= this.#parts.worker.close().then(() => this.#end(true));
    await this.#detachment;
  }

  /** Stops and removes the pod with its own grace period; does nothing after {@link detach}. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#detachment) await this.stop();
  }

  async #remove(): Promise<PodStatus<Date>> {
    const { worker, removal: parts } = this.#parts;
    const status = await worker.done;
    for (let attempt = 1; ; attempt++)
      try {
        await removePod(worker.pod, parts, { keepLogs: this.#keepLogs, node: parts.node });
        break;
      } catch (error) {
        const isClosed = isCriError(error) && error.reason === "client_closed";
        if (isClosed) await this.#end(true);
        if (isClosed || attempt === removal.attempts) throw error;
        await sleep(removal.pauseMs);
      }
    await this.#end(false);
    return status ?? this.status();
  }

  /** Gives up the pod, once: after that, it may belong to another handle. */
  #end(isLeft: boolean): Promise<void> {
    this.#ending ??= this.#parts.onEnd(isLeft);
    return this.#ending;
  }

  #runningId(operation: string, given: string | undefined): string {
    const name = this.#containerName(operation, given);
    const instance = newestInstance(this.#parts.worker.observed, name);
    if (instance?.state === "running") return instance.id;
    throw criError("wrong_state", `${operation}: container ${JSON.stringify(name)} is not running`);
  }

  #containerName(operation: string, given: string | undefined): string {
    const { metadata, spec } = this.pod;
    const name =
      given ??
      metadata.annotations?.["kubectl.kubernetes.io/default-container"] ??
      spec.containers[0]?.name ??
      "";
    if (findContainer(this.pod, name)) return name;
    throw criError(
      "object_missing",
      `${operation}: pod ${this.namespace}/${this.name} has no container ${JSON.stringify(name)}`,
    );
  }
}

/** Converts the values of a stream; leaving it leaves the other one. */
function mapStream<T, R>(stream: PlayStream<T>, convert: (value: T) => R): PlayStream<R> {
  return {
    async next() {
      const result = await stream.next();
      return result.done ? { done: true, value: undefined } : { done: false, value: convert(result.value) };
    },
    async return() {
      await stream.return?.();
      return { done: true, value: undefined };
    },
    async throw(error) {
      await stream.return?.();
      throw error;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
    async [Symbol.asyncDispose]() {
      await stream.return?.();
    },
  };
}
