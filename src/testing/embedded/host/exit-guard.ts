import { belonging, type Claim } from "./belonging.js";
import { readProc } from "./proc-table.js";
import { hasProc, markerName } from "./process-table.js";
import { killNow } from "./sweep.js";

const guarded = new Set<() => Claim>();

/**
 * Kills what a claim has when this process exits, for programs that end without closing their driver. Gives what stops
 * that. One listener serves all drivers: Node warns of many.
 */
export function killAtExit(claim: () => Claim): () => void {
  if (guarded.size === 0) process.on("exit", killAll);
  guarded.add(claim);
  return () => {
    guarded.delete(claim);
    if (guarded.size === 0) process.removeListener("exit", killAll);
  };
}

function killAll(): void {
  // Nothing can be waited for any more. Without /proc, that means that groups are all that can be found.
  for (const claim of guarded) {
    for (const { pid } of claim().sessions) killNow(-pid);
    for (let round = 0; hasProc && round < 3; round++)
      for (const { pid } of belonging(readProc(markerName), claim())) killNow(pid);
  }
}
