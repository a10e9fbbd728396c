import type { DefaultedPod, Node } from "../kubernetes/index.js";

/** What an admission check decides by. */
export interface AdmissionRequest {
  readonly pod: DefaultedPod;
  /** The Node, with its labels, taints and allocatable resources. */
  readonly node: Node<Date>;
  /** The Pods that were admitted and have not ended. */
  readonly others: readonly DefaultedPod[];
}

/** Why a Pod is not admitted: its phase becomes Failed, with this reason and message. */
export interface AdmissionRejection {
  /** In CamelCase, such as `OutOfcpu` or `NodeAffinity`. */
  readonly reason: string;
  readonly message: string;
}

/** Decides whether a Pod may run on this node. Returns undefined to admit it. */
export type AdmissionCheck = (
  request: AdmissionRequest,
) => AdmissionRejection | undefined | Promise<AdmissionRejection | undefined>;
