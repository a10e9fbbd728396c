import type { ConformanceContext } from "./context.js";

/** The groups of cases, in the order in which they run and are reported. */
export const conformanceGroups = [
  "runtime",
  "sandbox",
  "container",
  "image",
  "streaming",
  "stats",
  "events",
  "idempotence",
  "errors",
  "limits",
] as const;

/** A group of cases. */
export type ConformanceGroup = (typeof conformanceGroups)[number];

/** One rule of CRI as a check of a runtime, independent of any test framework. */
export interface ConformanceCase {
  /** The group and a short name of the rule: `sandbox.stop-makes-it-not-ready`. Unique and stable. */
  readonly id: string;
  /** The group, the first part of the id. */
  readonly group: ConformanceGroup;
  /** The expected behaviour, as a sentence. */
  readonly title: string;
  /** The rule of CRI, with its RPC and fields. */
  readonly rule: string;
  /** Resolves if the runtime satisfies the rule; rejects with an error that describes the violation. */
  run(context: ConformanceContext): Promise<void>;
}

/** The rules that a runtime is known to break: the reason for each case id. */
export type Deviations = Readonly<Record<string, string>>;

type CaseInit = Omit<ConformanceCase, "group" | "id">;

/** Creates the cases of one group from a map of their short names. */
export function casesOf(
  group: ConformanceGroup,
  cases: Readonly<Record<string, CaseInit>>,
): readonly ConformanceCase[] {
  return Object.entries(cases).map(([name, init]) =>
    Object.freeze({ id: `${group}.${name}`, group, ...init }),
  );
}
