import { clientNames, startClient } from "./clients/measure.js";
import type { GoProgram } from "./go-program.js";
import type { RoundOrder } from "./rounds.js";
import type { Workload } from "./workloads.js";

/** The memory that a client's process needs for each of several workloads, which grow. */
export interface MemoryGrowth {
  readonly client: string;
  /** The most resident memory during a round, beyond that of the idle process, in bytes; by workload. */
  readonly peakBytes: readonly number[];
}

/** The growth with the listed containers, and with the calls in flight. */
export interface Growth {
  readonly lists: readonly MemoryGrowth[];
  readonly inFlight: readonly MemoryGrowth[];
}

/** Runs the workloads in new processes, the smallest first, so that none finds memory that a larger one has left. */
export async function measureMemory(
  socket: string,
  growing: readonly Workload[],
  go: GoProgram,
  durationMs: number,
): Promise<MemoryGrowth[]> {
  const grown: MemoryGrowth[] = [];
  for (const client of clientNames(go)) {
    const child = await startClient(client, socket, go);
    try {
      const idle = child.residentBytes();
      const peakBytes: number[] = [];
      for (const workload of growing) {
        child.resetPeak();
        const order: RoundOrder = { workload, durationMs };
        await child.ask(order);
        peakBytes.push(child.peakBytes() - idle);
      }
      grown.push({ client, peakBytes });
    } finally {
      child.end();
    }
  }
  return grown;
}
