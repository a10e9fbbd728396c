export { type ConformanceCase, type ConformanceGroup, conformanceGroups } from "./case.js";
export { conformanceCases } from "./cases/index.js";
export { shellCommands } from "./commands.js";
export type {
  CommandOptions,
  CommandResult,
  ConformanceContainer,
  ConformanceContext,
  ConformancePod,
  ContainerOptions,
  PodConfig,
  PodOptions,
} from "./context.js";
export { type Deviations, deviationsFor, knownDeviations } from "./deviations/index.js";
export { formatJson } from "./format-json.js";
export { formatJUnit } from "./format-junit.js";
export { formatTable } from "./format-table.js";
export type { LogLine } from "./log-file.js";
export {
  type ConformanceOutcome,
  type ConformanceReport,
  type ConformanceResult,
  conformanceOutcomes,
} from "./report.js";
export { type ConformanceOptions, runConformance } from "./run.js";
export type { ConformanceCommands, ConformanceImages, ConformanceTarget } from "./target.js";
