import type { Volume } from "../api/index.js";
import type { DefaultedPodSpec } from "../defaults/index.js";
import type { FieldProblems } from "../schema/index.js";
import type { ValidatePodOptions } from "./validate-options.js";

/** What the rules of a Pod have in common. */
export interface PodContext {
  readonly spec: DefaultedPodSpec;
  /** By name. */
  readonly volumes: ReadonlyMap<string, Volume>;
  readonly options: ValidatePodOptions;
  readonly problems: FieldProblems;
}
