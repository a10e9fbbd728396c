import {
  ChangeSignal,
  isCriError,
  type LinkedController,
  linkedController,
  raceAbort,
  rawMessageOf,
} from "../../core/index.js";
import {
  type DefaultedPod,
  disruptionTarget,
  isTerminalPhase,
  type ObservedPod,
  type Pod,
  type PodStatus,
  type PodWorker,
  podQosClass,
  podStatusOf,
} from "../../kubernetes/index.js";
import type { AdmissionRejection } from "../admission-check.js";
import type { Eviction, KubeletPod } from "../kubelet-view.js";
import type { PodSource } from "../pod-source.js";
import { hasChanged } from "./pod-changes.js";
import { refusalOf, unsupportedReason } from "./refusal.js";
import { rejectedStatus } from "./rejected-status.js";

/** The delay before the removal of a pod is retried: the period of the kubelet's housekeeping. */
export const housekeepingMs = 2_000;

/** The callbacks of a {@link ManagedPod}. */
export interface ManagedPodHost {
  /** Fires when the kubelet closes. */
  readonly closing: AbortSignal;
  readonly now: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Throws an error with all problems of a Pod that is not valid. */
  readonly check: (pod: Pod, source: PodSource) => DefaultedPod;
  /** Returns the pod of the same name that came before, until it is removed. */
  readonly predecessorOf: (pod: ManagedPod) => ManagedPod | undefined;
  /** Removes pods of the same name that an earlier kubelet has left, and waits for the end of removals. */
  readonly clearPlace: (pod: ManagedPod) => Promise<void>;
  /** Whether the pod has files or a sandbox on this node: this kubelet or an earlier one has started it. */
  readonly isOnNode: (uid: string) => boolean;
  /**
   * Queues the Pod for admission and decides about it. `onAdmitted` is called before the next Pod is decided about, so that its resources
   * count.
   */
  readonly admit: (pod: ManagedPod, onAdmitted: () => void) => Promise<AdmissionRejection | undefined>;
  /** Allocates the resources of a version of the Pod; returns it with those that it has now. Never rejects. */
  readonly allocate: (pod: DefaultedPod) => Promise<DefaultedPod>;
  readonly createWorker: (pod: ManagedPod, allocated: DefaultedPod) => PodWorker;
  /** Releases the volumes and the cgroup of a pod that has ended. Never rejects. */
  readonly release: (pod: ManagedPod) => Promise<void>;
  /** Removes everything of a pod that has stopped. */
  readonly remove: (pod: ManagedPod) => Promise<void>;
  readonly onStatus: (pod: ManagedPod, status: PodStatus<Date>) => void;
  /** Waits until the last status of the Pod has been published, or has failed, but not for long. Rejects when the kubelet closes. */
  readonly settleStatus: (pod: ManagedPod) => Promise<void>;
  /** Called when a state has changed. */
  readonly onChange: () => void;
  readonly onRemoved: (pod: ManagedPod) => void;
  /** Called when the pod is removed and its source no longer has it. */
  readonly onForgotten: (pod: ManagedPod) => void;
  readonly record: (
    pod: ManagedPod,
    event: { readonly type: "Normal" | "Warning"; readonly reason: string; readonly message: string },
  ) => void;
}

const nothing: ObservedPod = { sandboxes: [], containers: [] };

/** One Pod of a kubelet, from its first appearance in a source until it is removed from the node. */
export class ManagedPod {
  readonly uid: string;
  readonly source: PodSource;
  readonly #host: ManagedPodHost;
  #raw: Pod;
  #pod: DefaultedPod;
  /** Why the Pod is not valid; undefined for a valid one. */
  readonly #problem: AdmissionRejection | undefined;
  #state: KubeletPod["state"] = "pending";
  #onEnded: () => void = () => undefined;
  readonly #ended: Promise<void>;
  #status: PodStatus<Date>;
  #worker: PodWorker | undefined;
  /** Whether the source has the Pod. */
  #isWanted = true;
  #eviction: Eviction | undefined;
  /** Whether it was admitted. */
  #isAdmitted = false;
  /** Fires when the Pod must not start any more, or the kubelet closes. */
  readonly #start: LinkedController;
  readonly #changed = new ChangeSignal();
  /** Counts updates, so that an older one that was prepared later is dropped. */
  #version = 0;
  /** Resolves when the pod is forgotten, or the kubelet has closed. Never rejects. */
  readonly done: Promise<void>;

  /** @param fallback the Pod with defaults, which need not be valid */
  constructor(raw: Pod, fallback: DefaultedPod, source: PodSource, host: ManagedPodHost) {
    this.#raw = raw;
    this.#pod = fallback;
    this.uid = fallback.metadata.uid;
    this.source = source;
    this.#host = host;
    this.#start = linkedController(host.closing);
    this.#status = { phase: "Pending", ...this.givenStatus };
    this.#ended = new Promise((resolve) => {
      this.#onEnded = resolve;
    });
    try {
      this.#pod = host.check(raw, source);
    } catch (error) {
      this.#problem = refusalOf(error, fallback);
    }
    this.done = this.#run()
      .catch((error: unknown) => this.#fail(error))
      .finally(() => this.#start.unlink());
  }

  /** `namespace/name` */
  get key(): string {
    return `${this.#pod.metadata.namespace}/${this.#pod.metadata.name}`;
  }

  /** The Pod as its source gave it last. */
  get given(): Pod {
    return this.#raw;
  }

  /** The Pod as its source gave it last, with defaults. */
  get pod(): DefaultedPod {
    return this.#pod;
  }

  get state(): KubeletPod["state"] {
    return this.#state === "active" && this.#worker?.isTerminating ? "terminating" : this.#state;
  }

  /** Whether a worker has run the Pod, which has stopped everything of it when the state is `ended`. */
  get hadWorker(): boolean {
    return this.#worker !== undefined;
  }

  get isWanted(): boolean {
    return this.#isWanted;
  }

  /** The view of the Pod for other parts of the kubelet. */
  get view(): KubeletPod {
    return {
      pod: this.pod,
      source: this.source.name,
      status: this.#worker?.status ?? this.#status,
      observed: this.#worker?.observed ?? nothing,
      state: this.state,
    };
  }

  /** Whether the Pod was admitted, and its containers have not ended for good: it has resources of the node. */
  get hasResources(): boolean {
    return this.#isAdmitted && this.#state !== "ended" && this.#state !== "rejected";
  }

  /** Whether the Pod is one that an API server was asked to delete. */
  get isDeleted(): boolean {
    return Boolean(this.#raw.metadata?.deletionTimestamp);
  }

  /** The status that its source has of the Pod, which an earlier kubelet has reported. */
  get givenStatus(): PodStatus<Date> | undefined {
    return this.#raw.status && podStatusOf(this.#raw.status);
  }

  /** Takes the version of the Pod that its source has now. */
  update(raw: Pod): void {
    if (!hasChanged(this.#raw, raw)) {
      this.#raw = raw;
      return;
    }
    let pod: DefaultedPod;
    try {
      pod = this.#host.check(raw, this.source);
    } catch (error) {
      const message = `The new version of the Pod is not used: ${rawMessageOf(error)}`;
      if (this.#problem === undefined) this.#record(unsupportedReason, message);
      this.#raw = raw;
      if (this.isDeleted) this.#stop();
      return;
    }
    this.#raw = raw;
    const version = ++this.#version;
    if (this.isDeleted || this.#worker === undefined) {
      this.#pod = pod;
      this.#worker?.update(pod);
      if (this.isDeleted) this.#stop();
      return;
    }
    void this.#updateWorker(pod, version);
  }

  async #updateWorker(pod: DefaultedPod, version: number): Promise<void> {
    await this.#prepare(pod);
    if (version !== this.#version || this.#host.closing.aborted) return;
    this.#pod = pod;
    const allocated = await this.#host.allocate(pod);
    if (version === this.#version && !this.#host.closing.aborted) this.#worker?.update(allocated);
  }

  /** Takes the Pod with other resources, which were allocated to it. */
  reallocate(allocated: DefaultedPod): void {
    if (!this.isDeleted) this.#worker?.update(allocated);
  }

  /** The source does not have the Pod any more: stops it, and removes it. Idempotent. */
  drop(gracePeriodSeconds?: number): void {
    this.#isWanted = false;
    this.#worker?.terminate({ gracePeriodSeconds });
    this.#stop();
  }

  /** Stops the Pod for good, as failed. */
  evict(eviction: Eviction): void {
    const { gracePeriodSeconds, ...failure } = eviction;
    this.#eviction ??= eviction;
    this.#worker?.terminate({ gracePeriodSeconds, failure });
    this.#stop();
  }

  /** Resolves when the Pod has no resources of the node any more. Rejects when the kubelet closes. */
  async whenEnded(): Promise<void> {
    if (this.hasResources) await raceAbort(this.#ended, this.#host.closing);
  }

  /** Syncs the Pod soon: objects that it refers to have changed. */
  refresh(): void {
    this.#worker?.refresh();
  }

  /** Checks again whether the Pod may start: a pod of the same name was removed. */
  wake(): void {
    this.#changed.notify();
  }

  /** Ends the worker, and leaves the pod running. */
  async close(): Promise<void> {
    await this.#worker?.close();
    await this.done;
  }

  #setState(state: KubeletPod["state"]): void {
    this.#state = state;
    this.#host.onChange();
  }

  #stop(): void {
    this.#start.abort(new Error("the Pod must not start any more"));
    this.#changed.notify();
  }

  async #run(): Promise<void> {
    await this.#live();
    this.#onEnded();
    await this.#until(() => !this.#isWanted || this.isDeleted);
    // How the containers ended can be read from the runtime until they are removed.
    if (this.hadWorker) await this.#host.settleStatus(this);
    await this.#removeAll();
    this.#host.onRemoved(this);
    await this.#until(() => !this.#isWanted);
    this.#host.onForgotten(this);
  }

  /** Runs the Pod until it has ended, or is known to never start. */
  async #live(): Promise<void> {
    const host = this.#host;
    const predecessor = host.predecessorOf(this);
    if (predecessor?.isWanted && !predecessor.isDeleted)
      this.#record(
        "NameConflict",
        `The Pod waits until the one of the source ${JSON.stringify(predecessor.source.name)} with the same name is removed`,
      );
    await this.#until(() => this.#start.signal.aborted || host.predecessorOf(this) === undefined);
    await host.clearPlace(this);
    const isOnNode = host.isOnNode(this.uid);
    const hadEnded = isTerminalPhase(this.#raw.status?.phase);
    if (hadEnded && !isOnNode) return this.#keepEnded();
    if (this.#problem !== undefined) return await this.#reject(this.#problem);
    if (this.#start.signal.aborted && !isOnNode) return this.#endUnstarted();
    if (!this.#start.signal.aborted && !hadEnded) {
      const rejection = await this.#admission();
      if (rejection) return await this.#reject(rejection);
      await this.#prepare(this.#pod);
    }
    host.closing.throwIfAborted();
    await this.#work();
  }

  /** Keeps the status of a Pod that had ended before and is removed from the node: less is known now than was reported. */
  #keepEnded(): void {
    this.#status = { ...this.#status, ...this.givenStatus };
    this.#setState("ended");
  }

  async #work(): Promise<void> {
    const allocated = await this.#host.allocate(this.#pod);
    this.#host.closing.throwIfAborted();
    // What is being stopped has its resources until then.
    this.#isAdmitted = true;
    let status: PodStatus<Date> | undefined;
    for (;;)
      try {
        const worker = this.#host.createWorker(this, allocated);
        this.#worker = worker;
        this.#setState("active");
        if (this.#eviction) this.evict(this.#eviction);
        else if (!this.#isWanted) worker.terminate();
        status = await worker.done;
        break;
      } catch (error) {
        this.#host.closing.throwIfAborted();
        if (isCriError(error) && error.reason === "client_closed") throw error;
        // A bug in a part that was passed in. A new worker continues from the state of the node.
        this.#record("FailedSync", `the worker of the pod failed and is restarted: ${rawMessageOf(error)}`);
        await this.#host.sleep(housekeepingMs, this.#host.closing);
      }
    this.#host.closing.throwIfAborted();
    if (status) this.#status = status;
    if (!this.isDeleted && this.#isWanted) await this.#host.release(this);
    this.#setState("ended");
  }

  async #admission(): Promise<AdmissionRejection | undefined> {
    try {
      return await this.#host.admit(this, () => {
        this.#isAdmitted = true;
      });
    } catch (error) {
      this.#host.closing.throwIfAborted();
      const message = `Unexpected error while admitting the Pod: ${rawMessageOf(error)}`;
      return { reason: "UnexpectedAdmissionError", message };
    }
  }

  async #reject(rejection: AdmissionRejection): Promise<void> {
    const { reason, message } = rejection;
    this.#setState("rejected");
    this.#record(reason, message);
    this.#report(rejectedStatus(this.#pod, rejection, this.#host.now()));
    // An earlier kubelet may have started it.
    if (this.#host.isOnNode(this.uid)) await this.#removeAll();
  }

  /** Ends a Pod that was deleted, dropped or evicted before its worker started. */
  #endUnstarted(): void {
    this.#setState("ended");
    if (this.#eviction) this.#report({ ...this.#unstartedStatus(), ...this.#failureStatus(this.#eviction) });
    else if (this.isDeleted) this.#report({ ...this.#unstartedStatus(), phase: "Failed" });
  }

  #unstartedStatus(): PodStatus<Date> {
    return { startTime: new Date(this.#host.now()), qosClass: podQosClass(this.#pod) };
  }

  #failureStatus({ reason, message, disruption }: Eviction): PodStatus<Date> {
    const { generation } = this.#pod.metadata;
    return {
      ...{ phase: "Failed", reason, message },
      ...(disruption !== undefined && {
        conditions: [disruptionTarget(disruption, this.#host.now(), generation)],
      }),
    };
  }

  #report(status: PodStatus<Date>): void {
    this.#status = status;
    this.#host.onStatus(this, status);
  }

  /** Waits until the source has read the objects that the Pod refers to. The worker reports missing ones. */
  async #prepare(pod: DefaultedPod): Promise<void> {
    const { signal } = this.#start;
    try {
      await this.source.prepare?.(pod, signal);
    } catch (error) {
      if (signal.aborted) return;
      const message = `error reading the objects of the Pod: ${rawMessageOf(error)}`;
      this.#record("FailedSync", message);
    }
  }

  async #removeAll(): Promise<void> {
    for (let reported = ""; ; )
      try {
        return await this.#host.remove(this);
      } catch (error) {
        this.#host.closing.throwIfAborted();
        if (isCriError(error) && error.reason === "client_closed") throw error;
        const message = `error removing the pod, will retry: ${rawMessageOf(error)}`;
        if (message !== reported) this.#record("FailedKillPod", message);
        reported = message;
        await this.#host.sleep(housekeepingMs, this.#host.closing);
      }
  }

  #record(reason: string, message: string): void {
    this.#host.record(this, { type: "Warning", reason, message });
  }

  async #until(holds: () => boolean): Promise<void> {
    while (!holds()) await this.#changed.wait({ signal: this.#host.closing });
  }

  /** A bug in this package or a closed client must not end the kubelet. */
  #fail(error: unknown): void {
    if (this.#host.closing.aborted) return;
    this.#record("FailedSync", rawMessageOf(error));
  }
}
