import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Child } from "../child.js";
import { median, medianRatio } from "../statistics.js";
import { generateLog } from "./generate.js";
import type { LoopResult } from "./loop-process.js";
import { type LoopName, logGoals, loopNames } from "./names.js";

/** How fast one loop was. */
export interface LoopSpeed {
  readonly loop: LoopName;
  /** Megabytes (10^6) of the file a second. */
  readonly megabytesPerSecond: number;
  /** In readline's. */
  readonly ratio: number;
  /** What it should be at least; undefined for what is only shown. */
  readonly goal: number | undefined;
  readonly cpuSecondsPerGigabyte: number;
}

/** Reads a log of so many bytes with each loop, in turns. */
export async function measureLogs(bytes: number, rounds: number): Promise<LoopSpeed[]> {
  const folder = mkdtempSync(join(tmpdir(), "cri-bench-"));
  const children: Child[] = [];
  try {
    const path = join(folder, "0.log");
    generateLog(path, bytes);
    const megabytes = statSync(path).size / 1e6;
    for (const name of loopNames) children.push(await Child.start("logs/loop-process.js", [name, path]));
    const results = await takeTurns(children, rounds);
    const speeds = (loop: LoopName) => results[loop].map(({ wallMs }) => (megabytes / wallMs) * 1_000);
    return loopNames.map((loop) => ({
      loop,
      megabytesPerSecond: median(speeds(loop)),
      ratio: medianRatio(speeds(loop), speeds("readline")),
      goal: logGoals[loop],
      cpuSecondsPerGigabyte: median(results[loop].map(({ cpuMs }) => cpuMs / megabytes)),
    }));
  } finally {
    for (const child of children) child.end();
    rmSync(folder, { recursive: true });
  }
}

async function takeTurns(
  children: readonly Child[],
  rounds: number,
): Promise<Readonly<Record<LoopName, readonly LoopResult[]>>> {
  const entries = loopNames.map((name) => [name, [] as LoopResult[]] as const);
  // The first two rounds are for the compiler, and do not count.
  for (let round = -2; round < rounds; round++)
    for (let turn = 0; turn < children.length; turn++) {
      const index = (turn + round + 2) % children.length;
      const result = (await children[index]?.ask({})) as LoopResult;
      if (round >= 0) entries[index]?.[1].push(result);
    }
  // Every name has an entry.
  return Object.fromEntries(entries) as unknown as Record<LoopName, LoopResult[]>;
}
