/**
 * Observability: calls for OpenTelemetry, a request log and `node:diagnostics_channel`; secrets redacted; usage of
 * containers and pods, and its page for Prometheus; the types of the node's events.
 *
 * @packageDocumentation
 */

// Events of the node.
export type {
  ConnectedEvent,
  ConnectionEvent,
  ContainerChangedEvent,
  ContainerEvent,
  ContainerExit,
  ContainerStoppedEvent,
  DisconnectedEvent,
  EventFilter,
  EventReadOptions,
  EventStream,
  Events,
  EventsOptions,
  NodeChange,
  NodeConnection,
  NodeContainer,
  NodeEvent,
  NodeObject,
  NodePod,
  NodeWaitOptions,
  NodeWatch,
  OverflowEvent,
  PodEvent,
  ResyncEvent,
} from "./events/index.js";
// Calls.
// Redaction.
export {
  type LogRequestsOptions,
  logRequests,
  type OpenTelemetryApi,
  type OpenTelemetryOptions,
  openTelemetry,
  type RedactedMessage,
  type RedactedValue,
  type RedactOptions,
  type RequestRecord,
  type RpcDiagnostics,
  type RpcEnd,
  redact,
} from "./observe/index.js";
// Usage, and Prometheus.
export {
  type ContainerOrigin,
  type ContainerUsage,
  type ContainerUsageFilter,
  type CpuStats,
  containerUsage,
  cpuCores,
  type FailedUsage,
  type InterfaceStats,
  type MemoryStats,
  type NetworkStats,
  type PodUsage,
  type PodUsageFilter,
  type PressureShare,
  type PrometheusFormat,
  type PrometheusOptions,
  podUsage,
  prometheusContentTypes,
  type ResourcePressure,
  type Stats,
  type SwapStats,
  type UsageList,
  type UsageOptions,
  type UsageSample,
  type UsageWatchOptions,
  type WritableLayerUsage,
  withRates,
} from "./stats/index.js";
