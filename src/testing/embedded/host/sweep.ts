import { sleep } from "../../../core/index.js";
import { belonging, type Claim } from "./belonging.js";
import { readProcesses } from "./process-table.js";

/** How long processes may take to end after SIGKILL; only those that wait for a device take longer. */
const goneWithinMs = 10_000;

/**
 * Ends everything of a claim with SIGKILL, and resolves when it is gone: with nothing, or with the pids that did not end
 * in time. Looks until it finds nothing twice, as a process may be started between two looks, or be missed while it
 * turns into another program.
 */
export async function sweep(claim: () => Claim): Promise<readonly number[]> {
  const until = performance.now() + goneWithinMs;
  let pauseMs = 1;
  for (let clean = 0; ; ) {
    const found = belonging(await readProcesses(), claim());
    clean = found.length === 0 ? clean + 1 : 0;
    if (clean === 2) return [];
    for (const { pid } of found) killNow(pid);
    if (performance.now() > until) return found.map(({ pid }) => pid);
    if (clean === 0) await sleep(pauseMs);
    pauseMs = Math.min(pauseMs * 2, 50);
  }
}

/** Kills a process (or with a negative number, its group), if it is there and may be killed. */
export function killNow(pid: number, signal: NodeJS.Signals = "SIGKILL"): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended by itself, or is not ours to kill; the sweep tells of those.
  }
}
