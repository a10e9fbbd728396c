import type { AdmissionCheck } from "../admission-check.js";
import { isCriticalPod } from "./critical-pods.js";
import { outOf, shortagesOf } from "./node-fit.js";

/**
 * Refuses pods that request more than the node has left: `OutOfcpu`, `OutOfmemory`, `OutOfpods`, `OutOfephemeral-storage`, or `OutOf` and
 * the name of another resource. Critical pods are the matter of {@link makeRoomForCriticalPod}.
 */
export const checkNodeResources: AdmissionCheck = ({ pod, node, others }) => {
  if (isCriticalPod(pod)) return undefined;
  const [shortage] = shortagesOf(pod, node, others);
  return shortage && outOf(shortage);
};
