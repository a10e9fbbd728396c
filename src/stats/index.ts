export { containerUsage, podUsage } from "./from-messages.js";
export {
  Families,
  formatFamilies,
  type MetricInfo,
  type PrometheusFormat,
  prometheusContentTypes,
} from "./prometheus/families.js";
export { containerMetrics, podMetrics } from "./prometheus/kubelet-metrics.js";
export type { PrometheusOptions } from "./prometheus/page.js";
export { cpuCores, withRates } from "./rates.js";
export {
  type ContainerUsageFilter,
  containerStatsOf,
  type FailedUsage,
  type PodUsageFilter,
  type StatsParts,
  type UsageList,
} from "./read-usage.js";
export { Stats, type UsageOptions } from "./stats.js";
export type {
  ContainerOrigin,
  ContainerUsage,
  CpuStats,
  InterfaceStats,
  MemoryStats,
  NetworkStats,
  PodUsage,
  PressureShare,
  ResourcePressure,
  SwapStats,
  WritableLayerUsage,
} from "./usage.js";
export type { UsageSample, UsageWatchOptions } from "./watch.js";
