export { type Chaos, type ChaosOptions, chaos } from "./chaos.js";
export { parseChaosPlan } from "./check-plan.js";
export { defaultChaosPlan } from "./default-plan.js";
export type { ChaosDuration } from "./durations.js";
export type { ChaosRecord } from "./records.js";
export type {
  ChaosCalls,
  ChaosEvents,
  ChaosFault,
  ChaosPlan,
  ChaosRule,
  ChaosSessionMethod,
  ChaosStreamMethod,
  ChaosTiming,
} from "./rules.js";
