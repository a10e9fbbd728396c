import { AssertionError } from "node:assert";
import { setMaxListeners } from "node:events";
import { isCriError, unlessAborted } from "../../core/index.js";
import type { ConformanceCase } from "./case.js";
import { unimplementedRpc } from "./rejection.js";
import type { ConformanceOutcome, ConformanceResult } from "./report.js";
import type { Site } from "./site.js";
import { Workspace } from "./workspace.js";

interface Bounds {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Why the runtime is known not to keep the rule. */
  readonly deviation: string | undefined;
}

/** Runs one case, and removes what it made. Never rejects. */
export async function runCase(
  { id, group, title, rule, run }: ConformanceCase,
  site: Site,
  { timeoutMs, signal, deviation }: Bounds,
): Promise<ConformanceResult> {
  const began = performance.now();
  const over = new AbortController();
  const late = new AssertionError({ message: `the case did not end within ${timeoutMs / 1000} s` });
  const timer = setTimeout(() => over.abort(late), timeoutMs);
  const bounds = AbortSignal.any([signal, over.signal]);
  // Every call of the case listens to it, and a case may make hundreds at once.
  setMaxListeners(0, bounds);
  const workspace = new Workspace(site, bounds);
  const errors: unknown[] = [];
  try {
    await unlessAborted(run(workspace), bounds);
  } catch (error) {
    // Calls that the deadline ended say that they were aborted, and not why.
    errors.push(bounds.aborted ? bounds.reason : error);
  }
  clearTimeout(timer);
  over.abort(new Error("the case is over"));
  await workspace.close().catch((error: unknown) => errors.push(error));

  const [first] = errors;
  const unimplemented = unimplementedRpc(first);
  return Object.freeze({
    id,
    group,
    title,
    rule,
    outcome: outcomeOf(first !== undefined, deviation !== undefined, unimplemented !== undefined),
    durationMs: Math.round(performance.now() - began),
    failure: errors.length > 0 ? errors.map(describeFailure).join("\nand while cleaning up: ") : undefined,
    deviation,
    unimplemented,
  });
}

function outcomeOf(failed: boolean, known: boolean, unimplemented: boolean): ConformanceOutcome {
  if (!failed) return known ? "unexpected-pass" : "passed";
  if (!known) return "failed";
  return unimplemented ? "skipped" : "deviates";
}

function describeFailure(error: unknown): string {
  if (isCriError(error) || error instanceof AssertionError) return error.message;
  // Anything else may be a mistake of the case, whose place one wants to know.
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
