export { type ConformanceCase, type ConformanceGroup, conformanceGroups, type Deviations } from "./case.js";
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
export { deviationsFor, knownDeviations } from "./deviations/index.js";
export { formatJson, formatJUnit, formatTable } from "./formats.js";
export type { ConformanceLogLine } from "./log-file.js";
export {
  type ConformanceOutcome,
  type ConformanceReport,
  type ConformanceResult,
  conformanceOutcomes,
} from "./report.js";
export { type ConformanceOptions, runConformance } from "./run.js";
export type { ConformanceCommands, ConformanceImages, ConformanceTarget } from "./target.js";
