export { NodeCgroups, type NodeCgroupsParts } from "./node-cgroups.js";
export { type CgroupOptions, cgroupOptionsTable } from "./options.js";
