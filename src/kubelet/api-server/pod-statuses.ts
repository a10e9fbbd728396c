import { ChangeSignal, ConcurrencyLimit } from "../../core/index.js";
import { type PodStatus, podStatusJson, timeText } from "../../kubernetes/index.js";
import { podEventObject } from "../event-objects.js";
import type { SourcePod } from "../pod-source.js";
import { resourcePath } from "./api-client.js";
import { type ApiContext, FailureReporter, RetryDelays } from "./api-context.js";
import { statusOf, unlessMissing } from "./api-error.js";
import type { ApiPod } from "./api-objects.js";
import { deletePod } from "./delete-pod.js";
import { mergePodStatus } from "./merge-pod-status.js";
import { podStatusPatch } from "./pod-status-patch.js";
import { StatusPatches } from "./status-patches.js";

/** The dependencies of {@link PodStatuses} besides the context. */
export interface PodStatusesOptions {
  /** Ends all requests. */
  readonly signal: AbortSignal;
  /** The Pod at the API server that stands for this one: its mirror for static pods, or undefined as long as there is none. */
  readonly represented: (pod: SourcePod) => ApiPod | undefined;
}

/** The state of one pod of this node. */
interface Entry {
  pod: SourcePod;
  /** The newest status; undefined when only the removal has to be reported. */
  status: PodStatus<string> | undefined;
  /** Counts what has to be reported. */
  version: number;
  /** The version that was reported last. */
  reported: number;
  /** Whether nothing of the pod is left on the node. */
  isRemoved: boolean;
  isDeleted: boolean;
  isRunning: boolean;
  /** Called when the newest status was reported, or has failed. */
  readonly settled: Set<() => void>;
  readonly delays: RetryDelays;
  readonly failures: FailureReporter;
}

/** How many Pods are reported at the same time. */
const maxConcurrency = 8;

/**
 * Reports the statuses of Pods to the API server: of each Pod the newest one only, one request after the other, until it has arrived. Ends
 * deletions: a Pod with a deletion timestamp of which nothing is left is deleted for good.
 */
export class PodStatuses {
  readonly #context: ApiContext;
  readonly #options: PodStatusesOptions;
  readonly #patches: StatusPatches;
  readonly #entries = new Map<string, Entry>();
  readonly #idle = new ChangeSignal();
  readonly #limit = new ConcurrencyLimit(maxConcurrency);

  constructor(context: ApiContext, options: PodStatusesOptions) {
    this.#context = context;
    this.#options = options;
    this.#patches = new StatusPatches(context);
  }

  /** Takes the new status of a Pod. */
  update(pod: SourcePod, status: PodStatus<Date>): void {
    const entry = this.#entry(pod);
    entry.status = podStatusJson(status);
    this.#touch(entry);
  }

  /** Nothing of the Pod is left on the node. */
  removed(pod: SourcePod): void {
    const entry = this.#entry(pod);
    entry.isRemoved = true;
    this.#touch(entry);
  }

  /**
   * The API server has this version of the Pod with this uid, or of its mirror: reports what differs, such as a status that another client
   * has written, or a readiness gate that has opened.
   */
  review(uid: string, found: ApiPod): void {
    const entry = this.#entries.get(uid);
    if (!entry) return;
    const isDeletable = entry.isRemoved && !entry.isDeleted && Boolean(found.metadata?.deletionTimestamp);
    if (isDeletable || this.#patch(entry, found)) this.#touch(entry);
  }

  /** The Pod does not exist at the API server any more. */
  forget(uid: string): void {
    const entry = this.#entries.get(uid);
    if (!entry) return;
    entry.reported = entry.version;
    this.#entries.delete(uid);
    this.#idle.notify();
  }

  /** Forgets the removed Pods for which this does not hold. */
  keepOnly(isWanted: (pod: SourcePod) => boolean): void {
    for (const [uid, { pod, isRemoved }] of this.#entries) if (isRemoved && !isWanted(pod)) this.forget(uid);
  }

  /** Waits until all pending statuses are reported, at most this long. Does not wait for those that have failed before. */
  async flush(timeoutMs: number, signal?: AbortSignal): Promise<void> {
    const end = performance.now() + timeoutMs;
    const isPending = ({ isRunning, delays }: Entry) => isRunning && !delays.hasFailed;
    while ([...this.#entries.values()].some(isPending) && performance.now() < end)
      await this.#idle.wait({ signal, timeoutMs: Math.max(1, end - performance.now()) });
  }

  /** Resolves when the newest status of a Pod is reported, or has failed. */
  async settle({ pod }: SourcePod): Promise<void> {
    const entry = this.#entries.get(pod.metadata?.uid ?? "");
    if (entry?.isRunning && !entry.delays.hasFailed)
      await new Promise<void>((resolve) => entry.settled.add(resolve));
  }

  #entry(pod: SourcePod): Entry {
    const { uid = "" } = pod.pod.metadata ?? {};
    const known = this.#entries.get(uid);
    if (known) {
      known.pod = pod;
      return known;
    }
    const entry: Entry = {
      ...{ pod, status: undefined, version: 0, reported: 0 },
      ...{ isRemoved: false, isDeleted: false, isRunning: false },
      settled: new Set(),
      delays: new RetryDelays(this.#context),
      failures: this.#failuresOf(pod),
    };
    this.#entries.set(uid, entry);
    return entry;
  }

  #failuresOf({ pod }: SourcePod): FailureReporter {
    const object = podEventObject(pod);
    return new FailureReporter((message) =>
      this.#context.record({ type: "Warning", reason: "FailedStatusUpdate", message, object }),
    );
  }

  #touch(entry: Entry): void {
    entry.version += 1;
    if (!entry.isRunning) void this.#run(entry);
  }

  /** Reports until nothing new is left. Never rejects. */
  async #run(entry: Entry): Promise<void> {
    const { signal } = this.#options;
    entry.isRunning = true;
    while (entry.reported < entry.version && !signal.aborted) {
      const { version } = entry;
      try {
        await this.#limit.run(() => this.#sync(entry), signal);
        entry.reported = version;
        entry.delays.reset();
        entry.failures.succeeded();
      } catch (error) {
        if (signal.aborted) break;
        // Once is normal: the authorizer refuses what a Pod needs that was deleted a moment ago.
        if (isRefused(error) && entry.delays.hasFailed) entry.failures.failed(error);
        this.#idle.notify();
        notifySettled(entry);
        await entry.delays.wait(error, signal).catch(() => undefined);
      }
      this.#idle.notify();
    }
    entry.isRunning = false;
    notifySettled(entry);
    // Nothing of it is left, neither here nor at the API server.
    if (entry.isRemoved && this.#options.represented(entry.pod) === undefined)
      this.forget(entry.pod.pod.metadata?.uid ?? "");
    this.#idle.notify();
  }

  async #sync(entry: Entry): Promise<void> {
    const { client } = this.#context;
    const { signal, represented } = this.#options;
    // The mirror of a static pod reviews this when it was created.
    const target = represented(entry.pod);
    const { name, namespace, uid } = target?.metadata ?? {};
    if (target === undefined || name === undefined || uid === undefined) return;
    const path = resourcePath({ namespace, resource: "pods", name });
    const found = await unlessMissing(client.request<ApiPod>("GET", path, { signal }));
    // Deleted, perhaps created again: the status belongs to another pod.
    if (found === undefined || found.metadata?.uid !== uid) return;
    let current = found;
    const patch = this.#patch(entry, found);
    if (patch) {
      // The uid makes the API server refuse this for a pod of the same name that was created in between.
      const body = { metadata: { uid }, status: patch };
      const patched = await unlessMissing(this.#patches.send<ApiPod>(path, body, { signal }));
      if (patched === undefined) return;
      current = patched;
    }
    const isStatic = uid !== entry.pod.pod.metadata?.uid;
    if (isStatic || !entry.isRemoved || entry.isDeleted || !current.metadata?.deletionTimestamp) return;
    await unlessMissing(deletePod(client, path, uid, signal));
    // Finalizers may keep the object; it needs no second deletion.
    entry.isDeleted = true;
  }

  #patch({ status }: Entry, found: ApiPod) {
    if (status === undefined) return undefined;
    const merged = mergePodStatus(found, status, timeText(new Date(this.#context.clock.now())));
    return podStatusPatch(found.status ?? {}, merged);
  }
}

function notifySettled({ settled }: Entry): void {
  for (const notify of settled) notify();
  settled.clear();
}

/** Whether the API server has looked at the request, and will refuse it again. */
function isRefused(error: unknown): boolean {
  const status = statusOf(error) ?? 0;
  return status >= 400 && status < 500 && status !== 409 && status !== 429;
}
