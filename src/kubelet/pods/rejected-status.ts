import { type DefaultedPod, type PodStatus, podQosClass } from "../../kubernetes/index.js";

/** Returns the status of a Pod that is not admitted, as the kubelet reports it. */
export function rejectedStatus(
  pod: DefaultedPod,
  { reason, message }: { readonly reason: string; readonly message: string },
  nowMs: number,
): PodStatus<Date> {
  const { generation } = pod.metadata;
  return {
    ...(generation !== undefined && { observedGeneration: generation }),
    phase: "Failed",
    reason,
    message: `Pod was rejected: ${message}`,
    startTime: new Date(pod.status?.startTime ?? nowMs),
    qosClass: pod.status?.qosClass ?? podQosClass(pod),
  };
}
