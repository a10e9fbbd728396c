import type { DefaultedPod, Node } from "../kubernetes/index.js";

/** The input of an admission check. */
export interface AdmissionRequest {
  /** The Pod to decide about. */
  readonly pod: DefaultedPod;
  /** The Node, with its labels, taints and allocatable resources. */
  readonly node: Node<Date>;
  /** The Pods that were admitted and have not ended. */
  readonly others: readonly DefaultedPod[];
  /**
   * Stops Pods at once, as failed with the reason `Preempting`, to make room for this one, which is critical. Resolves when they have
   * stopped. Without it, a critical Pod that needs room is not admitted.
   */
  readonly preempt?: ((pods: readonly DefaultedPod[]) => Promise<void>) | undefined;
}

/** Why a Pod is not admitted: its phase becomes Failed, with this reason and message. */
export interface AdmissionRejection {
  /** In CamelCase, such as `OutOfcpu` or `NodeAffinity`. */
  readonly reason: string;
  /** The reason as a sentence. */
  readonly message: string;
}

/** Decides whether a Pod may run on this node. Returns undefined to admit it. */
export type AdmissionCheck = (
  request: AdmissionRequest,
) => AdmissionRejection | undefined | Promise<AdmissionRejection | undefined>;
