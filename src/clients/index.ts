export type { CallerSettings, ServerStream } from "./caller.js";
export { countdown, timeoutOf } from "./deadline.js";
export {
  type ExactClient,
  type ImageClient,
  imageClient,
  type RuntimeClient,
  runtimeClient,
} from "./exact-client.js";
export { type RuntimeHandlerInfo, type RuntimeInfo, readRuntimeInfo } from "./features.js";
export { type CriList, createLists, type Lists } from "./lists.js";
export { type Discovered, discover, firstAnswering, type ProbeOptions, probeTimeoutMs } from "./probe.js";
