import { nanosToSeconds } from "./figures.js";
import type { ContainerUsage, CpuUsage, PodUsage } from "./usage.js";

/**
 * How many cores were in use between two readings of the same thing, by the times at which the runtime read them: 1.5 is one and a
 * half. Undefined where that cannot be told: the counter went back, since the container was started anew; a reading lacks its time or
 * its counter; or the later one is not later.
 */
export function cpuCores(
  before: Pick<CpuUsage, "atNanos" | "usageNanos">,
  after: Pick<CpuUsage, "atNanos" | "usageNanos">,
): number | undefined {
  if (before.usageNanos === undefined || after.usageNanos === undefined) return undefined;
  if (before.atNanos === 0n || after.atNanos <= before.atNanos || after.usageNanos < before.usageNanos)
    return undefined;
  return (
    nanosToSeconds(after.usageNanos - before.usageNanos) / nanosToSeconds(after.atNanos - before.atNanos)
  );
}

/**
 * The later ones of two samples, with `cpu.cores` computed from both. Where that cannot be told, the runtime's own rate stays, unless
 * the counter went back. What was not in the first sample stays as it is.
 */
export function withRates<T extends ContainerUsage | PodUsage>(
  before: readonly T[],
  after: readonly T[],
): readonly T[] {
  const known = new Map(before.map((usage) => [usage.id, usage]));
  return after.map((usage) => rated(known.get(usage.id), usage));
}

function rated<T extends ContainerUsage | PodUsage>(before: T | undefined, after: T): T {
  if (!before) return after;
  const containers =
    "containers" in after && "containers" in before
      ? { containers: withRates(before.containers, after.containers) }
      : {};
  // What T has besides stays what it was; the compiler cannot follow a spread of a type parameter.
  return Object.freeze({ ...after, cpu: ratedCpu(before.cpu, after.cpu), ...containers }) as unknown as T;
}

function ratedCpu(before: CpuUsage | undefined, after: CpuUsage | undefined): CpuUsage | undefined {
  if (!before || !after) return after;
  return Object.freeze({ ...after, cores: ratedCores(before, after) });
}

function ratedCores(before: CpuUsage, after: CpuUsage): number | undefined {
  // A runtime may tell one reading twice; what was known of it then still holds.
  if (isSameReading(before, after)) return before.cores ?? after.cores;
  // The runtime's own rate may be one across the restart, too.
  if (wentBack(before, after)) return undefined;
  // Where two readings do not give a rate, the runtime may still have one of its own for the later one.
  return cpuCores(before, after) ?? after.cores;
}

/** Not told by a time of 0, which runtimes that do not say the time give to every reading. */
function isSameReading(before: CpuUsage, after: CpuUsage): boolean {
  return after.atNanos !== 0n && before.atNanos === after.atNanos && before.usageNanos === after.usageNanos;
}

function wentBack({ usageNanos: before }: CpuUsage, { usageNanos: after }: CpuUsage): boolean {
  return before !== undefined && after !== undefined && after < before;
}
