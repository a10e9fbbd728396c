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

/** The later ones of two samples, with `cpu.cores` computed from both; what was not in the first one stays as it is. */
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
  // A runtime may tell one reading twice; what was known of it then still holds.
  const cores = before.atNanos === after.atNanos ? before.cores : cpuCores(before, after);
  return Object.freeze({ ...after, cores });
}
