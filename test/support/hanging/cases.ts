import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { isCriError } from "../../../src/index.js";
import { within } from "../waiting.js";
import { allRows } from "./methods.js";
import type { Bounds, Row } from "./rows.js";
import { type HangingSubject, openStage, type Stage } from "./stage.js";

/** The time after which an operation is ended by its caller. */
const endMs = 300;
/** How late it may be on a busy machine. Far less than any deadline of an RPC or of a clean-up. */
const marginMs = 8_000;

interface Mode {
  /** Returns the bounds of an operation; undefined for one that this mode does not end. */
  bounds(row: Row, signal: AbortSignal): Bounds | undefined;
  readonly reason: string;
}

const modes: Readonly<Record<string, Mode>> = {
  "its deadline": {
    bounds: ({ takes }) => (takes === "signal and timeoutMs" ? { timeoutMs: endMs } : undefined),
    reason: "deadline",
  },
  "its signal": {
    bounds: ({ takes }, signal) => (takes === "nothing" ? undefined : { signal }),
    reason: "aborted_by_caller",
  },
  "the end of its client": {
    bounds: ({ takes, outlivesClient }) => (takes === "nothing" || outlivesClient ? undefined : {}),
    reason: "client_closed",
  },
  itself: { bounds: ({ takes }) => (takes === "nothing" ? {} : undefined), reason: "" },
};

/** Returns the problem with the end of one operation, if any. */
async function problemOf(
  stage: Stage,
  row: Row,
  bounds: Bounds,
  reason: string,
): Promise<string | undefined> {
  const startedAt = performance.now();
  const limitMs = (row.ownMs ?? endMs) + marginMs;
  try {
    await within(limitMs, Promise.resolve(row.call(stage, bounds)));
    return row.maySucceed ? undefined : "it did not fail";
  } catch (error) {
    if (performance.now() - startedAt >= limitMs) return `it took longer than ${limitMs} ms`;
    // fetch() rejects with the signal's own reason.
    if (row.takes === "nothing" || row.maySucceed || (row.takes === "signal" && !isCriError(error)))
      return undefined;
    return isCriError(error) && error.reason === reason ? undefined : `it failed with ${error}`;
  }
}

/** On a runtime that hangs, every public function that waits ends in time. */
export function hangingCases(subject: () => HangingSubject): void {
  describe("a daemon that hangs", () => {
    test("every operation ends with its deadline, its signal and its client, and every release by itself", async (t) => {
      for (const [name, { bounds: boundsOf, reason }] of Object.entries(modes)) {
        await using stage = await openStage(subject());
        const rows = allRows(stage);
        const stop = new AbortController();
        subject().hang();
        try {
          const problems: string[] = [];
          const running = [...rows].map(async ([operation, row]) => {
            const bounds = boundsOf(row, stop.signal);
            const problem = bounds && (await problemOf(stage, row, bounds, reason));
            if (problem !== undefined) problems.push(`${operation}: ${problem}`);
          });
          await pause(endMs);
          stop.abort();
          if (reason === "client_closed") await Promise.all([stage.cri.close(), stage.exact.close()]);
          await Promise.all(running);
          await t.test(`ended by ${name}`, () => assert.deepEqual(problems, []));
        } finally {
          subject().resume();
        }
      }
    });
  });
}
