export { containerUsage, podUsage } from "./of-messages.js";
export type { ContainerUsageFilter } from "./origins.js";
export type { PrometheusOptions } from "./prometheus/page.js";
export { type PrometheusFormat, prometheusContentTypes } from "./prometheus/write.js";
export { cpuCores, withRates } from "./rates.js";
export {
  containerStatsOf,
  type FailedUsage,
  type PodUsageFilter,
  type StatsParts,
  type Usages,
} from "./read-usage.js";
export { Stats, type UsageOptions } from "./stats.js";
export type {
  ContainerOrigin,
  ContainerUsage,
  CpuUsage,
  InterfaceUsage,
  MemoryUsage,
  NetworkUsage,
  PodUsage,
  Pressure,
  PressureShare,
  SwapUsage,
  WritableLayerUsage,
} from "./usage.js";
export type { UsageSample, UsageWatchOptions } from "./watch.js";
