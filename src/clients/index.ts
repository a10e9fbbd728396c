export type { CallerSettings, ServerStream } from "./caller.js";
export {
  type ExactClient,
  type ImageClient,
  imageClient,
  type RuntimeClient,
  runtimeClient,
} from "./exact-client.js";
export { type RuntimeHandlerInfo, type RuntimeInfo, readRuntimeInfo } from "./features.js";
export { type CriList, createLists, type Lists } from "./lists.js";
export {
  type DiscoveredRuntime,
  discover,
  firstResponding,
  type ProbeOptions,
  probeTimeoutMs,
} from "./probe.js";
export { type RetryOptions, resolveRetry, retryTable } from "./retry.js";
export { type MethodPolicy, policy } from "./rpcs.js";
