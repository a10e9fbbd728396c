import { isPromiseLike } from "../../core/index.js";
import type { DefaultedPod, Node } from "../../kubernetes/index.js";
import type { AdmissionCheck, AdmissionRejection, AdmissionRequest } from "../admission-check.js";
import type { FirstLook } from "../first-look.js";
import type { PodAllocations } from "../resize/index.js";
import { AdmissionQueue } from "./admission-queue.js";
import type { ManagedPod } from "./managed-pod.js";

/** What the admission uses. */
export interface PodAdmissionParts {
  readonly checks: readonly AdmissionCheck[];
  readonly node: () => Node<Date>;
  readonly allocations: Pick<PodAllocations, "allocated">;
  /** What was on the node when the kubelet started. */
  readonly found: Pick<FirstLook, "running" | "started">;
  readonly closing: AbortSignal;
  readonly isOnNode: (uid: string) => boolean;
  /** The Pods that were admitted and have not ended. */
  readonly admitted: () => readonly DefaultedPod[];
  /** Stops Pods to make room for a critical one, and waits until they have stopped. */
  readonly preempt: (pods: readonly DefaultedPod[]) => Promise<void>;
}

/** Decides which Pods may run, one after the other. */
export class PodAdmission {
  readonly #parts: PodAdmissionParts;
  readonly #queue = new AdmissionQueue();
  /** The pods that ran, or had a container, when the kubelet started, and have not been admitted since. */
  readonly #running: Set<string>;
  readonly #started: Set<string>;

  constructor(parts: PodAdmissionParts) {
    this.#parts = parts;
    this.#running = new Set(parts.found.running);
    this.#started = new Set(parts.found.started);
  }

  /**
   * Waits for the Pod's turn and decides about it. `onAdmitted` is called within the turn, so that the next Pod is decided about with it.
   * What runs already is not checked: a kubelet that restarts with another limit must not kill it. Rejects with the error of a check.
   */
  decide(pod: ManagedPod, onAdmitted: () => void): Promise<AdmissionRejection | undefined> {
    const { checks, allocations, node, closing, admitted, preempt } = this.#parts;
    const hasPassed = this.#hasPassed(pod);
    return this.#queue.turn(pod.pod, hasPassed, async () => {
      closing.throwIfAborted();
      if (!hasPassed) {
        const others = admitted().map((other) => allocations.allocated(other));
        const request = { pod: allocations.allocated(pod.pod), node: node(), others, preempt };
        const rejection = await firstRejection(checks, request);
        if (rejection) return rejection;
      }
      onAdmitted();
      return undefined;
    });
  }

  /** Forgets a pod that ran when the kubelet started, and was removed. */
  forget(uid: string): void {
    this.#running.delete(uid);
    this.#started.delete(uid);
  }

  /** Whether the Pod runs already, or has ended: one that is never restarted keeps its containers, and is not checked again. */
  #hasPassed({ uid, pod }: ManagedPod): boolean {
    const isRunning = this.#running.has(uid);
    const isStarted = this.#started.has(uid);
    this.forget(uid);
    return this.#parts.isOnNode(uid) && (isRunning || (isStarted && pod.spec.restartPolicy !== "Always"));
  }
}

async function firstRejection(
  checks: readonly AdmissionCheck[],
  request: AdmissionRequest,
): Promise<AdmissionRejection | undefined> {
  for (const check of checks) {
    const found = check(request);
    const rejection = isPromiseLike(found) ? await found : found;
    if (rejection) return rejection;
  }
  return undefined;
}
