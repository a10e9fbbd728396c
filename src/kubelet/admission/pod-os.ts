import type { AdmissionCheck } from "../admission-check.js";
import { checkedRequest } from "./checked-request.js";

const osLabel = "kubernetes.io/os";

/** Refuses pods for another operating system than the node's: by `spec.os`, or by the label `kubernetes.io/os` of the pod. */
export const checkPodOs: AdmissionCheck = checkedRequest("checkPodOs", ({ pod, node }) => {
  const nodeOs = node.status?.nodeInfo?.operatingSystem ?? "linux";
  const label = pod.metadata.labels?.[osLabel];
  if (label !== undefined && label !== nodeOs)
    return {
      reason: "PodOSSelectorNodeLabelDoesNotMatch",
      message: "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label",
    };
  if (pod.spec.os !== undefined && pod.spec.os.name !== nodeOs)
    return {
      reason: "PodOSNotSupported",
      message: "Failed to admit pod as the OS field doesn't match node OS",
    };
  return undefined;
});
