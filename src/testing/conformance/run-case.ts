import { AssertionError } from "node:assert";
import { setMaxListeners } from "node:events";
import { isCriError, isError, raceAbort } from "../../core/index.js";
import type { ConformanceCase } from "./case.js";
import { CaseContext } from "./case-context.js";
import { unimplementedRpc } from "./rejection.js";
import type { ConformanceOutcome, ConformanceResult } from "./report.js";
import type { RunContext } from "./run-context.js";

/** A clean-up fails after this long. */
const cleanupLimitMs = 120_000;

/** The limits of a case, and its known deviation. */
export interface CaseBounds {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** The reason of the known deviation; undefined without one. */
  readonly deviation: string | undefined;
}

/** Runs one case and removes what it created. Never rejects, and always settles. */
export async function runCase(
  one: ConformanceCase,
  shared: RunContext,
  { timeoutMs, signal, deviation }: CaseBounds,
): Promise<ConformanceResult> {
  const startedAt = performance.now();
  const ended = new AbortController();
  const timeout = new AssertionError({ message: `the case did not end within ${timeoutMs / 1000} s` });
  const timer = setTimeout(() => ended.abort(timeout), timeoutMs);
  const bounds = AbortSignal.any([signal, ended.signal]);
  // Every call of the case listens to this signal, and a case may make hundreds at a time.
  setMaxListeners(0, bounds);
  const context = new CaseContext(shared, bounds);
  const errors: unknown[] = [];
  try {
    await raceAbort(one.run(context), bounds);
  } catch (error) {
    // Calls that the deadline ended report only that they were aborted.
    errors.push(bounds.aborted ? bounds.reason : error);
  }
  clearTimeout(timer);
  ended.abort(new Error("the case has ended"));
  await withinCleanupLimit(context.close()).catch((error: unknown) => errors.push(error));
  return caseResult(one, errors, performance.now() - startedAt, deviation);
}

/** The result of a case that did not run. */
export function notRun(
  one: ConformanceCase,
  reason: string,
  deviation: string | undefined,
): ConformanceResult {
  return caseResult(one, [new AssertionError({ message: `not run: ${reason}` })], 0, deviation);
}

function caseResult(
  { id, group, title, rule }: ConformanceCase,
  errors: readonly unknown[],
  durationMs: number,
  deviation: string | undefined,
): ConformanceResult {
  const [first] = errors;
  const unimplemented = unimplementedRpc(first);
  return Object.freeze({
    id,
    group,
    title,
    rule,
    outcome: outcomeOf(first !== undefined, deviation !== undefined, unimplemented !== undefined),
    durationMs: Math.round(durationMs),
    failure: errors.length > 0 ? errors.map(describeFailure).join("\nand during clean-up: ") : undefined,
    deviation,
    unimplemented,
  });
}

/** Settles as a clean-up does, or rejects after two minutes. */
export async function withinCleanupLimit(cleanup: Promise<void>): Promise<void> {
  const limit = new AbortController();
  const error = new AssertionError({ message: `it did not end within ${cleanupLimitMs / 1000} s` });
  const timer = setTimeout(() => limit.abort(error), cleanupLimitMs);
  try {
    await raceAbort(cleanup, limit.signal);
  } finally {
    clearTimeout(timer);
  }
}

function outcomeOf(failed: boolean, known: boolean, unimplemented: boolean): ConformanceOutcome {
  if (!failed) return known ? "unexpected-pass" : "passed";
  if (!known) return "failed";
  return unimplemented ? "skipped" : "deviates";
}

/** Describes an error for a report. */
export function describeFailure(error: unknown): string {
  if (isCriError(error) || error instanceof AssertionError) return error.message;
  // Any other error may be a bug of the case, so its stack is shown.
  return isError(error) ? (error.stack ?? error.message) : String(error);
}
