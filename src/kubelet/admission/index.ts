export { defaultAdmissionChecks } from "./default-checks.js";
export { checkHostPorts } from "./host-ports.js";
export { checkNodeAffinity } from "./node-affinity.js";
export { checkNodeResources } from "./node-resources.js";
export { checkPodOs } from "./pod-os.js";
export { makeRoomForCriticalPod } from "./preemption.js";
export { checkSupplementalGroups } from "./supplemental-groups.js";
export { checkTaints, toleratesTaint } from "./taints.js";
