/** A shorter interval between two readings makes the rate unreliable. */
const shortestMs = 1000;

/** The current use of CPUs: CPU time between two readings, divided by the time between them. */
export class CpuRate {
  #last: { readonly cpuNanos: bigint; readonly atMs: number } | undefined;
  #nanoCores: bigint | undefined;

  /** Takes a reading. Returns billionths of a core; undefined before the second reading, and after a decrease. */
  next(cpuNanos: bigint, atMs = performance.now()): bigint | undefined {
    const last = this.#last;
    const hasGrown = last !== undefined && cpuNanos >= last.cpuNanos;
    if (hasGrown && atMs - last.atMs < shortestMs) return this.#nanoCores;
    const nanos = hasGrown ? Number(cpuNanos - last.cpuNanos) : undefined;
    this.#nanoCores =
      nanos === undefined ? undefined : BigInt(Math.round((nanos / (atMs - (last?.atMs ?? 0))) * 1000));
    this.#last = { cpuNanos, atMs };
    return this.#nanoCores;
  }
}
