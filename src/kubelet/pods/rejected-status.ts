import { type DefaultedPod, type PodStatus, podQosClass } from "../../kubernetes/index.js";
import { unsupportedReason } from "./refusal.js";

/**
 * Returns the status of a Pod that is not admitted, as the kubelet reports it. A Pod with a field that this kubelet does not support stays
 * Pending, as the real one leaves a Pod whose volumes it cannot mount: its ReplicaSet would replace a Failed one without end.
 */
export function rejectedStatus(
  pod: DefaultedPod,
  { reason, message }: { readonly reason: string; readonly message: string },
  nowMs: number,
): PodStatus<Date> {
  const { generation } = pod.metadata;
  return {
    ...(generation !== undefined && { observedGeneration: generation }),
    phase: reason === unsupportedReason ? "Pending" : "Failed",
    reason,
    message: `Pod was rejected: ${message}`,
    startTime: new Date(pod.status?.startTime ?? nowMs),
    qosClass: pod.status?.qosClass ?? podQosClass(pod),
  };
}
