import type { ConformanceContext } from "./context.js";

/** What the cases are about, in the order in which they are run and reported. */
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

/** One rule of CRI as a check of a runtime; knows no test framework. */
export interface ConformanceCase {
  /** The group, or what in it, and the rule in short: `sandbox.stop-makes-it-not-ready`. Unique, and stays what it is. */
  readonly id: string;
  readonly group: ConformanceGroup;
  /** What must be seen, as a sentence. */
  readonly title: string;
  /** The rule of CRI behind it, with the RPC and the fields that it is about. */
  readonly rule: string;
  /** Resolves when the runtime keeps the rule; throws, saying what it did instead, when not. */
  run(context: ConformanceContext): Promise<void>;
}

type CaseInit = Omit<ConformanceCase, "group" | "id">;

/** Cases of one group, by the second part of their ids. */
export function casesOf(
  group: ConformanceGroup,
  cases: Readonly<Record<string, CaseInit>>,
): readonly ConformanceCase[] {
  return Object.entries(cases).map(([name, init]) =>
    Object.freeze({ id: `${group}.${name}`, group, ...init }),
  );
}
