import { isCriticalPod } from "../../kubernetes/index.js";
import type { AdmissionCheck } from "../admission-check.js";
import { checkedRequest } from "./checked-request.js";
import { outOf, shortagesOf } from "./node-fit.js";

/**
 * Refuses pods that request more than the node has left: `OutOfcpu`, `OutOfmemory`, `OutOfpods`, `OutOfephemeral-storage`, or `OutOf` and
 * the name of another resource. Leaves critical pods to {@link makeRoomForCriticalPod} where others can be stopped for them.
 */
export const checkNodeResources: AdmissionCheck = checkedRequest(
  "checkNodeResources",
  ({ pod, node, others, preempt }) => {
    if (preempt !== undefined && isCriticalPod(pod)) return undefined;
    const [shortage] = shortagesOf(pod, node, others);
    return shortage && outOf(shortage);
  },
);
