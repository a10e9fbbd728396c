export type { NodeConditionState, NodeConditionsHook } from "./node-conditions.js";
export { type KnownNode, NodeReporter, type NodeReporterParts } from "./node-reporter.js";
export type { EvictionReserve } from "./node-resources.js";
export { type NodeOptions, nodeTable } from "./options.js";
