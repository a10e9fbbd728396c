import { isCriError, rawMessageOf } from "../../core/index.js";
import { podEventObject } from "../event-objects.js";
import type { KubeletEvent } from "../kubelet-event.js";
import type { KubeletLoop } from "../kubelet-view.js";
import { housekeepingMs } from "./managed-pod.js";
import { identifyPod, killAndRemovePod, type PodIdentity, type RemovalContext } from "./removal.js";

/** The dependencies of {@link Orphans}. */
export interface OrphansParts extends RemovalContext {
  /** Whether a pod belongs to a source, or is being removed by its worker. */
  readonly isKnown: (uid: string) => boolean;
  readonly hasAllSources: () => boolean;
  /** The uids of the pods in the runtime that are removed unless they are known: own ones, or all if foreign pods are removed. */
  readonly inRuntime: () => Iterable<string>;
  readonly record: (event: Omit<KubeletEvent, "timeMs">) => void;
  /** Called when a pod was stopped and removed. */
  readonly onRemoved: (pod: PodIdentity) => void;
}

/**
 * Stops and removes pods that have files or sandboxes of this kubelet and that no source has: they were deleted while no kubelet ran, or
 * the runtime did not list them when they were removed. Checks every two seconds, as the kubelet does. Nothing is removed before each source has given its Pods.
 */
export class Orphans implements KubeletLoop {
  readonly #parts: OrphansParts;
  /** The removals in progress, by the uid of the pod. */
  readonly #removals = new Map<string, Promise<void>>();
  /** The last failure of each pod, so that it is reported once. */
  readonly #failures = new Map<string, string>();

  constructor(parts: OrphansParts) {
    this.#parts = parts;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, hasAllSources } = this.#parts;
    while (!signal.aborted) {
      if (hasAllSources())
        await this.#look(signal).catch((error: unknown) => this.#report("", error, signal));
      await clock.sleep(housekeepingMs, signal).catch(() => undefined);
    }
    await Promise.all(this.#removals.values());
  }

  /** Whether a pod is being removed. */
  isRemoving(uid: string): boolean {
    return this.#removals.has(uid);
  }

  /** Removes an unknown pod, even before each source has given its Pods. Resolves after one attempt, and never rejects. */
  async remove(uid: string, signal: AbortSignal): Promise<void> {
    const removal =
      this.#removals.get(uid) ??
      this.#remove(uid, signal)
        .catch((error: unknown) => this.#report(uid, error, signal))
        .finally(() => this.#removals.delete(uid));
    this.#removals.set(uid, removal);
    await removal;
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { files, isKnown, inRuntime } = this.#parts;
    const uids = new Set([...(await files.listPods()), ...inRuntime()]);
    // Not awaited: a grace period of one pod must not delay the others.
    for (const uid of uids)
      if (!isKnown(uid) && !this.#removals.has(uid) && !signal.aborted) void this.remove(uid, signal);
  }

  async #remove(uid: string, signal: AbortSignal): Promise<void> {
    const { cri, record, onRemoved } = this.#parts;
    const identity = await identifyPod(cri, uid, signal);
    const object = podEventObject({ metadata: identity });
    await killAndRemovePod(identity, this.#parts, (event) => record({ ...event, object }), signal);
    this.#failures.delete(uid);
    onRemoved(identity);
  }

  #report(uid: string, error: unknown, signal: AbortSignal): void {
    if (signal.aborted || (isCriError(error) && error.reason === "client_closed")) return;
    const message = `error removing a pod that no source has: ${rawMessageOf(error)}`;
    if (this.#failures.get(uid) === message) return;
    this.#failures.set(uid, message);
    const object = podEventObject({ metadata: { namespace: "unknown", name: "unknown", uid } });
    this.#parts.record({ type: "Warning", reason: "FailedKillPod", message, object });
  }
}
