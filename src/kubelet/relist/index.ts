export type { RuntimeHealth } from "./health.js";
export { NodeRelist, type NodeRelistParts } from "./node-relist.js";
export { type RelistOptions, relistTable } from "./options.js";
