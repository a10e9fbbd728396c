export { KubeletServer } from "./kubelet-server.js";
export { ProbeCounts } from "./metrics/probe-counts.js";
export {
  type HealthEndpointOptions,
  type KubeletAccess,
  type KubeletAccessDecision,
  type KubeletCertificate,
  type KubeletServerOptions,
  type KubeletStreamingOptions,
  type KubeletUser,
  kubeletServerTable,
} from "./options.js";
export type { KubeletServerParts } from "./parts.js";
export { type ReadOnlyPortOptions, readOnlyPortTable } from "./status/options.js";
export { StatusServer, type StatusServerParts } from "./status/status-server.js";
