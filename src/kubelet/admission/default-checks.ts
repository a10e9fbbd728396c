import type { AdmissionCheck } from "../admission-check.js";
import { checkHostPorts } from "./host-ports.js";
import { checkNodeAffinity } from "./node-affinity.js";
import { checkNodeResources } from "./node-resources.js";
import { checkPodOs } from "./pod-os.js";
import { makeRoomForCriticalPod } from "./preemption.js";
import { checkSupplementalGroups } from "./supplemental-groups.js";
import { checkTaints } from "./taints.js";

/**
 * The checks of the kubelet, in its order. The eviction manager checks pressures, and `validatePod` refuses unsafe sysctls.
 * Source: kubelet, lifecycle/predicate.go.
 */
export const defaultAdmissionChecks: readonly AdmissionCheck[] = Object.freeze([
  checkPodOs,
  checkSupplementalGroups,
  checkNodeResources,
  checkNodeAffinity,
  checkHostPorts,
  checkTaints,
  makeRoomForCriticalPod,
]);
