import type { ConformanceCase } from "../case.js";
import { containerLifeCases } from "./container-life.js";
import { runtimeCases } from "./runtime.js";
import { sandboxLifeCases } from "./sandbox-life.js";

/** All cases of the suite. */
export const conformanceCases: readonly ConformanceCase[] = Object.freeze([
  ...runtimeCases,
  ...sandboxLifeCases,
  ...containerLifeCases,
]);
