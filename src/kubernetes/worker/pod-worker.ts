import { isCriError, rawMessageOf } from "../../core/index.js";
import type { PodStatus } from "../api/index.js";
import type { DefaultedPod } from "../defaults/index.js";
import { StartError } from "../start-error.js";
import { deadlineMs, isRestartingAllContainers, isTerminalPhase, podStatus } from "../status/pod-status.js";
import { publishedStatus } from "../status/published-status.js";
import type { PodFailure, ResizeStatus } from "../status/status-input.js";
import { readTerminationMessage } from "../status/termination-message.js";
import { podActions } from "./actions.js";
import { RestartBackOff, type RestartBackOffOptions } from "./back-off.js";
import { executeActions, type PodMemory } from "./execute.js";
import { podGraceSeconds } from "./grace.js";
import { killPod } from "./kill-pod.js";
import { observePod } from "./observe.js";
import type { ObservedPod } from "./observed.js";
import { activeSandbox, findContainer, isStopped } from "./pod-containers.js";
import type { EventRecorder, PodProbes, PodWorkerParts } from "./ports.js";
import { obsolete, removeInstances, removeSandboxes } from "./prune.js";
import { isResizing, resizeMessage } from "./resize.js";
import { terminationPlan } from "./termination.js";
import { Timer } from "./timer.js";

/** The intervals of syncs without any event, as the kubelet has them; each is prolonged by up to a half, at random. */
const intervals = { afterSuccessMs: 60_000, afterErrorMs: 10_000, jitter: 0.5 } as const;

/** The shortest time between two syncs of which the first failed as a whole. */
const minRetryMs = 1_000;

/** How a pod is stopped for good. */
export interface TerminateOptions {
  /**
   * The seconds until SIGKILL, preStop hooks included; at least 1. A later call may shorten it, and never prolong it.
   * @default the Pod's deletionGracePeriodSeconds, or its terminationGracePeriodSeconds
   */
  readonly gracePeriodSeconds?: number | undefined;
  /** Why the pod fails, such as the reason `Evicted`: its phase becomes Failed. @default it is deleted */
  readonly failure?: PodFailure | undefined;
}

/** Options of a {@link PodWorker}. */
export interface PodWorkerOptions {
  /** The delays of CrashLoopBackOff. */
  readonly backOff?: RestartBackOffOptions | undefined;
  /**
   * The status that an earlier process has reported of the pod, such as the one that the API server has. It continues: restart counts,
   * transition times, the ends of containers that the runtime has lost, and readiness before the first probe.
   * @default none
   */
  readonly previous?: PodStatus<Date> | undefined;
  /** A number from 0 to 1, for the jitter of intervals. @default Math.random */
  readonly random?: (() => number) | undefined;
}

/**
 * Drives one pod on one node from its first sync to its end, as a pod worker of the kubelet does: it compares the Pod with what
 * the runtime has, does the next steps, and waits for a change. All state that matters is in the runtime and on disk, so that a worker
 * of another process continues where this one ended. Pods need `metadata.uid`, `name` and `namespace`, and all defaults.
 */
export class PodWorker {
  /**
   * Resolves with the last status when everything of the pod has stopped: it was terminated, or all its containers ended for good. The
   * containers still exist then; `removePod` removes them. Rejects when the client was closed; with undefined status, after `close()`.
   */
  readonly done: Promise<PodStatus<Date> | undefined>;
  readonly #parts: PodWorkerParts;
  readonly #options: PodWorkerOptions;
  readonly #probes: PodProbes;
  readonly #memory: PodMemory;
  readonly #timer: Timer;
  /** Fires when syncs have to end: the pod is being stopped, or the worker was closed. */
  readonly #syncs = new AbortController();
  readonly #closing = new AbortController();
  #pod: DefaultedPod;
  #status: PodStatus<Date> | undefined;
  /** The status as others see it. */
  #published: PodStatus<Date> | undefined;
  #observed: ObservedPod = { sandboxes: [], containers: [] };
  /** By the id of the instance. */
  #terminationMessages: Readonly<Record<string, string>> = {};
  /** Set once the pod is stopped for good. */
  #termination:
    | { graceSeconds: number; readonly isDeleted: boolean; failure: PodFailure | undefined }
    | undefined;
  /** Whether a container ran with other resources than the Pod has, at the last look. */
  #isResizing = false;
  /** The message of the event of the last failure; "" after a success. */
  #reportedFailure = "";
  /** Fires when the grace period gets shorter, or the worker was closed. */
  #killing = new AbortController();

  constructor(pod: DefaultedPod, parts: PodWorkerParts, options: PodWorkerOptions = {}) {
    this.#pod = pod;
    this.#parts = parts;
    this.#options = options;
    this.#status = options.previous;
    this.#timer = new Timer(parts.clock);
    this.#probes = parts.probes({ clock: parts.clock, record: this.#record, onChange: this.#timer.wake });
    this.#memory = {
      backOff: new RestartBackOff(options.backOff),
      preStopStarted: new Set(),
      waiting: new Map(),
      backOffReported: new Map(),
      resizeFailure: undefined,
      volumes: "unprepared",
    };
    if (isDeleted(pod)) this.terminate();
    const unsubscribe = parts.changes.subscribe(this.uid, this.#timer.wake);
    this.done = this.#run().finally(() => {
      unsubscribe();
      this.#probes.close();
    });
    // Callers need not await it.
    this.done.catch(() => undefined);
  }

  /** `metadata.uid` of the pod. */
  get uid(): string {
    return this.#pod.metadata?.uid ?? "";
  }

  /** The pod as it was last given. */
  get pod(): DefaultedPod {
    return this.#pod;
  }

  /** The newest status; undefined before the first observation. */
  get status(): PodStatus<Date> | undefined {
    return this.#published;
  }

  /** The pod's sandboxes and containers as the runtime reported them last. */
  get observed(): ObservedPod {
    return this.#observed;
  }

  /** Whether the pod is being stopped for good. */
  get isTerminating(): boolean {
    return this.#termination !== undefined;
  }

  /** Takes a new version of the same Pod. A deletion timestamp terminates it. */
  update(pod: DefaultedPod): void {
    this.#pod = pod;
    this.refresh();
    if (isDeleted(pod)) this.terminate();
  }

  /** Syncs soon: objects that the Pod refers to have changed. */
  refresh(): void {
    if (this.#memory.volumes === "current") this.#memory.volumes = "outdated";
    this.#timer.wake();
  }

  /** Stops the pod for good. Returns at once; `done` resolves afterwards. */
  terminate({ gracePeriodSeconds, failure }: TerminateOptions = {}): void {
    const previousSeconds = this.#termination?.graceSeconds;
    const graceSeconds = podGraceSeconds(this.#pod, { previousSeconds, overrideSeconds: gracePeriodSeconds });
    if (this.#termination === undefined)
      this.#termination = { graceSeconds, isDeleted: failure === undefined, failure };
    else if (graceSeconds < this.#termination.graceSeconds) {
      this.#termination.graceSeconds = graceSeconds;
      const killing = this.#killing;
      this.#killing = new AbortController();
      killing.abort(new Error("the grace period was shortened"));
    }
    this.#syncs.abort(new Error("the pod is being stopped"));
    this.#timer.wake();
  }

  /** Ends the worker and leaves the pod as it is, running. Waits for calls that create something. Idempotent. */
  async close(): Promise<void> {
    const reason = new Error("the worker was closed");
    this.#closing.abort(reason);
    this.#syncs.abort(reason);
    this.#killing.abort(reason);
    this.#timer.wake();
    await this.done.catch(() => undefined);
  }

  readonly #record: EventRecorder = (event) => {
    this.#parts.record({ ...event, timeMs: this.#parts.clock.now() });
  };

  async #run(): Promise<PodStatus<Date> | undefined> {
    while (!this.#closing.signal.aborted) {
      const waitMs = this.#termination ? await this.#tryTerminate() : await this.#trySync();
      if (waitMs === "done") return this.#published;
      if (waitMs > 0) await this.#timer.wait(waitMs);
    }
    return undefined;
  }

  /** Returns the milliseconds to wait for the next sync; 0 for none. */
  async #trySync(): Promise<number> {
    const { signal } = this.#syncs;
    try {
      const waitMs = await this.#sync(signal);
      this.#reportedFailure = "";
      return waitMs;
    } catch (error) {
      if (signal.aborted) return 0;
      if (isCriError(error) && error.reason === "client_closed") throw error;
      // Of a StartError, there is an event already.
      if (!(error instanceof StartError)) this.#reportFailure("FailedSync", "error syncing pod", error);
      // A step that everything after it needs has failed, or the runtime does not answer. Its return wakes the worker.
      await this.#observe().catch(() => undefined);
      // Wake-ups must not repeat a step at once that fails at once.
      await this.#parts.clock.sleep(minRetryMs, signal).catch(() => undefined);
      return this.#afterError();
    }
  }

  async #sync(signal: AbortSignal): Promise<number> {
    const { clock } = this.#parts;
    const pod = this.#pod;
    this.#timer.clear();
    const observed = await this.#observe();
    signal.throwIfAborted();
    if (isTerminalPhase(this.#status?.phase)) {
      const { reason, message = "" } = this.#status ?? {};
      if (reason === "DeadlineExceeded") this.#record({ type: "Normal", reason, message });
      this.#terminateAtEnd();
      return 0;
    }
    const state = {
      isTerminating: false,
      isRestartingAll: isRestartingAllContainers(this.#status),
      probes: (id: string) => this.#probes.state(id),
      actuated: this.#parts.resizing?.actuated(this.uid),
    };
    const result = await executeActions({
      pod,
      observed,
      actions: podActions(pod, observed, state),
      inputs: this.#parts.inputs(),
      memory: this.#memory,
      parts: { ...this.#parts, record: this.#record },
      signal,
    });
    if (!result.isChanged) await this.#prune(observed);
    if (result.isChanged && !result.hasFailed) return 0;
    if (result.hasFailed) await this.#observe();
    const retryInMs =
      result.retryAtMs === undefined ? Number.POSITIVE_INFINITY : Math.max(1, result.retryAtMs - clock.now());
    const nextMs = result.hasFailed
      ? Math.min(retryInMs, this.#isBackingOff() ? 60_000 : this.#afterError())
      : this.#jittered(intervals.afterSuccessMs);
    return Math.min(nextMs, this.#deadlineInMs());
  }

  /** Whether all failed steps are in back-off. A new failure is synced again soon, and then becomes ImagePullBackOff. */
  #isBackingOff(): boolean {
    const reasons = [...this.#memory.waiting.values()].map(({ reason }) => reason);
    return reasons.length > 0 && reasons.every((reason) => reason.endsWith("BackOff"));
  }

  /** Reads the pod from the runtime, and computes its status. */
  async #observe(): Promise<ObservedPod> {
    const { runtime } = this.#parts;
    const observed = await observePod(runtime, this.uid);
    this.#observed = observed;
    this.#pod = withStartTime(this.#pod, observed);
    this.#syncProbes(observed);
    await this.#updateStatus(observed);
    return observed;
  }

  #syncProbes(observed: ObservedPod): void {
    const running = observed.containers.flatMap(({ id, name, state, startedAtNanos }) => {
      const container = findContainer(this.#pod, name)?.container;
      const startedAtMs = Number(startedAtNanos / 1_000_000n);
      return container && state === "running" ? [{ container, id, startedAtMs }] : [];
    });
    this.#probes.sync(this.#pod, running, activeSandbox(observed)?.ips ?? []);
  }

  async #updateStatus(observed: ObservedPod, isTerminated = false): Promise<void> {
    const { clock, node, onStatus } = this.#parts;
    const status = podStatus(this.#pod, observed, {
      nowMs: clock.now(),
      node: node(),
      probes: (id) => this.#probes.state(id),
      waiting: Object.fromEntries(this.#memory.waiting),
      terminationMessages: await this.#readTerminationMessages(observed),
      previous: this.#status,
      isDeleted: this.#termination?.isDeleted ?? false,
      isTerminated,
      failure: this.#termination?.failure,
      resize: this.#resizeStatus(observed),
    });
    this.#status = status;
    const mayRun = observed.containers.some(({ state }) => state === "running" || state === "unknown");
    const published = publishedStatus(status, this.#published ?? this.#options.previous, mayRun);
    if (JSON.stringify(published) === JSON.stringify(this.#published)) return;
    this.#published = published;
    onStatus(published, observed);
  }

  /** Returns how far a resize is, and reports its end. */
  #resizeStatus(observed: ObservedPod): ResizeStatus | undefined {
    const { resizing } = this.#parts;
    if (resizing === undefined) return undefined;
    const actuated = resizing.actuated(this.uid);
    const pending = resizing.pending(this.uid);
    const generation = resizing.generation(this.uid);
    const isInProgress = this.#termination === undefined && isResizing(this.#pod, observed, actuated);
    if (this.#isResizing && !isInProgress && this.#termination === undefined)
      this.#record({
        type: "Normal",
        reason: "ResizeCompleted",
        message: resizeMessage("Pod resize completed", this.#pod, { generation }),
      });
    if (this.#isResizing && !isInProgress) this.#memory.resizeFailure = undefined;
    this.#isResizing = isInProgress;
    const { resizeFailure } = this.#memory;
    const error = resizeFailure?.generation === generation ? resizeFailure?.message : undefined;
    return { actuated, pending, inProgress: isInProgress ? { generation, error } : undefined };
  }

  /** Reads the message of each instance once: it cannot change after the end. */
  async #readTerminationMessages({ containers }: ObservedPod): Promise<Record<string, string>> {
    const { files } = this.#parts;
    const messages: Record<string, string> = {};
    for (const instance of containers)
      if (instance.state === "exited")
        messages[instance.id] =
          this.#terminationMessages[instance.id] ??
          (await readTerminationMessage(instance, (path) => files.readTerminationMessage(path)));
    this.#terminationMessages = messages;
    return messages;
  }

  async #prune(observed: ObservedPod): Promise<void> {
    const old = obsolete(observed);
    await removeInstances(this.#pod, old.containers, this.#parts);
    await removeSandboxes(old.sandboxIds, this.#parts);
  }

  #terminateAtEnd(): void {
    const graceSeconds = podGraceSeconds(this.#pod);
    this.#termination ??= { graceSeconds, isDeleted: false, failure: undefined };
    this.#syncs.abort(new Error("the pod has ended"));
  }

  async #tryTerminate(): Promise<number | "done"> {
    this.#timer.clear();
    try {
      return await this.#terminate();
    } catch (error) {
      if (this.#killing.signal.aborted || this.#closing.signal.aborted) return 0;
      if (isCriError(error) && error.reason === "client_closed") throw error;
      this.#reportFailure("FailedKillPod", "error killing pod", error);
      return this.#afterError();
    }
  }

  /** Records why the pod makes no progress; once, and not for each attempt. */
  #reportFailure(reason: "FailedSync" | "FailedKillPod", what: string, error: unknown): void {
    const message = `${what}: ${rawMessageOf(error)}`;
    if (message === this.#reportedFailure) return;
    this.#reportedFailure = message;
    this.#record({ type: "Warning", reason, message });
  }

  async #terminate(): Promise<number | "done"> {
    const { signal } = this.#killing;
    this.#probes.stopRestarting();
    const observed = await this.#observe();
    const graceSeconds = this.#termination?.graceSeconds ?? 1;
    const plan = terminationPlan(this.#pod, observed, { graceSeconds });
    const podIPs = activeSandbox(observed)?.ips ?? [];
    const parts = {
      ...this.#parts,
      record: this.#record,
      preStopStarted: this.#memory.preStopStarted,
    };
    try {
      await killPod({ pod: this.#pod, podIPs, plan }, parts, signal);
    } catch (error) {
      // With a shorter grace period, at once.
      if (signal.aborted) return 0;
      throw error;
    }
    const after = await this.#observe();
    if (!isStopped(after)) return this.#afterError();
    await this.#updateStatus(after, true);
    return "done";
  }

  /** Returns the milliseconds until activeDeadlineSeconds; Infinity without it. */
  #deadlineInMs(): number {
    const { startTime } = this.#status ?? {};
    const deadline = startTime && deadlineMs(this.#pod, startTime);
    return deadline === undefined ? Number.POSITIVE_INFINITY : deadline - this.#parts.clock.now();
  }

  #afterError(): number {
    return this.#jittered(intervals.afterErrorMs);
  }

  #jittered(ms: number): number {
    const random = this.#options.random ?? Math.random;
    return ms * (1 + intervals.jitter * random());
  }
}

/** Whether the API server was asked to delete the Pod: then nothing of it is started. */
function isDeleted({ metadata }: DefaultedPod): boolean {
  return Boolean(metadata.deletionTimestamp);
}

/** Adds the start of a pod that an earlier process ran: the time of its oldest sandbox. */
function withStartTime(pod: DefaultedPod, { sandboxes }: ObservedPod): DefaultedPod {
  const known = sandboxes.filter(({ createdAtNanos }) => createdAtNanos > 0n);
  if (pod.status?.startTime !== undefined || known.length === 0) return pod;
  const startMs = Math.min(...known.map(({ createdAtNanos }) => Number(createdAtNanos / 1_000_000n)));
  return { ...pod, status: { ...pod.status, startTime: new Date(startMs) } };
}
