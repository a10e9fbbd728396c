import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Cost } from "../answer-orders.js";
import { Child } from "../child.js";
import type { GoProgram } from "../go-program.js";
import { inTurn } from "../rounds.js";
import { median, medianRatio } from "../statistics.js";
import { generateLog } from "./generate.js";
import { type GoLoop, goLoops, type LoopName, logGoals, loopNames } from "./names.js";

/** The speed of one loop. */
export interface LoopSpeed {
  readonly loop: LoopName | GoLoop;
  /** Megabytes (10^6 bytes) of the file per second. */
  readonly megabytesPerSecond: number;
  /** The speed relative to readline's. */
  readonly ratio: number;
  /** The minimum of `ratio`; undefined for loops without a goal. */
  readonly goal: number | undefined;
  readonly cpuSecondsPerGigabyte: number;
}

/** Reads a log of `bytes` bytes with each loop, alternately. */
export async function measureLogs(
  bytes: number,
  rounds: number,
  { path: go }: GoProgram,
): Promise<LoopSpeed[]> {
  const folder = mkdtempSync(join(tmpdir(), "cri-bench-"));
  const loops: [LoopName | GoLoop, Child][] = [];
  try {
    const path = join(folder, "0.log");
    generateLog(path, bytes);
    const megabytes = statSync(path).size / 1e6;
    for (const name of loopNames) loops.push([name, await Child.start("logs/loop-process.js", [name, path])]);
    if (go !== undefined)
      for (const [name, how] of Object.entries(goLoops))
        loops.push([name as GoLoop, await Child.startProgram(go, ["logs", how, path])]);
    const results = await takeTurns(loops, rounds);
    const speeds = (loop: string) =>
      (results.get(loop) ?? []).map(({ wallMs }) => (megabytes / wallMs) * 1_000);
    return loops.map(([loop]) => ({
      loop,
      megabytesPerSecond: median(speeds(loop)),
      ratio: medianRatio(speeds(loop), speeds("readline")),
      goal: logGoals[loop as LoopName],
      cpuSecondsPerGigabyte: median((results.get(loop) ?? []).map(({ cpuUs }) => cpuUs / 1_000 / megabytes)),
    }));
  } finally {
    for (const [, child] of loops) child.end();
    rmSync(folder, { recursive: true });
  }
}

async function takeTurns(
  loops: readonly (readonly [string, Child])[],
  rounds: number,
): Promise<ReadonlyMap<string, readonly Cost[]>> {
  const results = new Map<string, Cost[]>(loops.map(([name]) => [name, []]));
  // The first two rounds warm up the compiler, and do not count.
  for (let round = -2; round < rounds; round++)
    for (const [name, child] of inTurn(loops, round + 2)) {
      const result = (await child.ask({})) as Cost;
      if (round >= 0) results.get(name)?.push(result);
    }
  return results;
}
