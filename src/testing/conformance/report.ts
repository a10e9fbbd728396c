import type { ConformanceCase, ConformanceGroup } from "./case.js";

/** How a case can end. The last two, and they alone, are bad news. */
export const conformanceOutcomes = ["passed", "deviates", "skipped", "unexpected-pass", "failed"] as const;

/**
 * - `passed`: the runtime keeps the rule.
 * - `deviates`: it does not, and is known not to.
 * - `skipped`: it is known not to have the RPC, and said so.
 * - `unexpected-pass`: it is known not to keep the rule, and does: the deviation is out of date.
 * - `failed`: it does not keep the rule, or does not have the RPC, and nobody knew.
 */
export type ConformanceOutcome = (typeof conformanceOutcomes)[number];

/** How one case ended. */
export interface ConformanceResult extends Pick<ConformanceCase, "id" | "title" | "rule"> {
  readonly group: ConformanceGroup;
  readonly outcome: ConformanceOutcome;
  readonly durationMs: number;
  /** What the runtime did instead, in one or more lines; undefined where it kept the rule. */
  readonly failure: string | undefined;
  /** Why the runtime is known not to keep the rule; undefined where it is not. */
  readonly deviation: string | undefined;
  /** The RPC that the runtime does not have, where that is the failure. */
  readonly unimplemented: string | undefined;
}

/** What a run found out. */
export interface ConformanceReport {
  /** Whether nothing unknown happened: no failure, and no unexpected pass. */
  readonly ok: boolean;
  readonly runtime: { readonly name: string; readonly version: string };
  readonly startedAt: Date;
  readonly durationMs: number;
  readonly counts: Readonly<Record<ConformanceOutcome, number>>;
  /** In the order of the cases. */
  readonly results: readonly ConformanceResult[];
}

/** How many results there are of each outcome. */
export function countOutcomes(
  results: readonly Pick<ConformanceResult, "outcome">[],
): Record<ConformanceOutcome, number> {
  const counts = { passed: 0, deviates: 0, skipped: 0, "unexpected-pass": 0, failed: 0 };
  for (const { outcome } of results) counts[outcome]++;
  return counts;
}
