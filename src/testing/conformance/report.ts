import type { ConformanceCase, ConformanceGroup } from "./case.js";

/** The possible outcomes of a case. Only the last two fail a report. */
export const conformanceOutcomes = ["passed", "deviates", "skipped", "unexpected-pass", "failed"] as const;

/**
 * - `passed`: the runtime satisfies the rule.
 * - `deviates`: the runtime breaks the rule, as a known deviation says.
 * - `skipped`: the runtime lacks the RPC, as a known deviation says.
 * - `unexpected-pass`: the runtime satisfies the rule although a known deviation says otherwise: the deviation is outdated.
 * - `failed`: the runtime breaks the rule or lacks the RPC, without a known deviation.
 */
export type ConformanceOutcome = (typeof conformanceOutcomes)[number];

/** The result of one case. */
export interface ConformanceResult extends Pick<ConformanceCase, "id" | "title" | "rule"> {
  /** The group of the case. */
  readonly group: ConformanceGroup;
  /** The outcome. */
  readonly outcome: ConformanceOutcome;
  /** The duration of the case, in milliseconds. */
  readonly durationMs: number;
  /** What the runtime did instead, in one or more lines; undefined if it satisfied the rule. */
  readonly failure: string | undefined;
  /** The reason of the known deviation; undefined without one. */
  readonly deviation: string | undefined;
  /** The RPC that the runtime does not implement, if that is the failure. */
  readonly unimplemented: string | undefined;
}

/** The results of a run. */
export interface ConformanceReport {
  /** True if no case failed or passed unexpectedly, and `problems` is empty. */
  readonly ok: boolean;
  /** The runtime, as its Version reports it. */
  readonly runtime: {
    /** VersionResponse.runtime_name. */
    readonly name: string;
    /** VersionResponse.runtime_version. */
    readonly version: string;
  };
  /** When the run began. */
  readonly startedAt: Date;
  /** The duration of the run, in milliseconds. */
  readonly durationMs: number;
  /** The number of cases with each outcome. */
  readonly counts: Readonly<Record<ConformanceOutcome, number>>;
  /** In the order of the cases. */
  readonly results: readonly ConformanceResult[];
  /** Failures that belong to no case, such as pods that could not be removed at the end. */
  readonly problems: readonly string[];
}

/** Makes the report of a run that ends now. */
export function conformanceReport({
  runtime,
  startedAt,
  results,
  problems,
}: Pick<ConformanceReport, "runtime" | "startedAt" | "results" | "problems">): ConformanceReport {
  const counts = { passed: 0, deviates: 0, skipped: 0, "unexpected-pass": 0, failed: 0 };
  for (const { outcome } of results) counts[outcome]++;
  return Object.freeze({
    ok: counts.failed === 0 && counts["unexpected-pass"] === 0 && problems.length === 0,
    runtime,
    startedAt,
    durationMs: Date.now() - startedAt.getTime(),
    counts,
    results,
    problems,
  });
}
