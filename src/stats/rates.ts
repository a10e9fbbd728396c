import { checkArgument, type OptionCheck, option, withJson } from "../core/index.js";
import { nanosToSeconds } from "./from-messages.js";
import type { ContainerUsage, CpuStats, PodUsage } from "./usage.js";

const readingCheck: OptionCheck<Pick<CpuStats, "atNanos" | "usageNanos">> = (value) =>
  typeof value?.atNanos === "bigint" ? undefined : "must be a reading of the CPU, such as `usage.cpu`";

/**
 * Returns the average number of used cores between two readings of the same object, by the runtime's timestamps. Returns undefined when
 * the counter was reset by a restart, when a reading lacks its time or its counter, and when `after` is not later than `before`.
 */
export function cpuCores(
  before: Pick<CpuStats, "atNanos" | "usageNanos">,
  after: Pick<CpuStats, "atNanos" | "usageNanos">,
): number | undefined {
  checkArgument("cpuCores", "before", before, readingCheck);
  checkArgument("cpuCores", "after", after, readingCheck);
  if (before.usageNanos === undefined || after.usageNanos === undefined) return undefined;
  if (before.atNanos === 0n || after.atNanos <= before.atNanos || after.usageNanos < before.usageNanos)
    return undefined;
  return (
    nanosToSeconds(after.usageNanos - before.usageNanos) / nanosToSeconds(after.atNanos - before.atNanos)
  );
}

/**
 * Returns the later of two samples, with `cpu.cores` computed from both. Where that is impossible, the runtime's own rate is kept, unless
 * the counter was reset. Objects that are missing in the first sample are unchanged.
 */
export function withRates<T extends ContainerUsage | PodUsage>(
  before: readonly T[],
  after: readonly T[],
): readonly T[] {
  checkArgument("withRates", "before", before, option.listOf(option.object));
  checkArgument("withRates", "after", after, option.listOf(option.object));
  return ratesOf(before, after);
}

function ratesOf<T extends ContainerUsage | PodUsage>(
  before: readonly T[],
  after: readonly T[],
): readonly T[] {
  const known = new Map(before.map((usage) => [usage.id, usage]));
  return after.map((usage) => rateOf(known.get(usage.id), usage));
}

function rateOf<T extends ContainerUsage | PodUsage>(before: T | undefined, after: T): T {
  if (!before) return after;
  const containers =
    "containers" in after && "containers" in before
      ? { containers: ratesOf(before.containers, after.containers) }
      : {};
  // The other fields of T are unchanged; TypeScript does not infer that from the spread of a type parameter.
  return Object.freeze(
    withJson({ ...after, cpu: rateOfCpu(before.cpu, after.cpu), ...containers }),
  ) as unknown as T;
}

function rateOfCpu(before: CpuStats | undefined, after: CpuStats | undefined): CpuStats | undefined {
  if (!before || !after) return after;
  return Object.freeze(withJson({ ...after, cores: coresOf(before, after) }));
}

function coresOf(before: CpuStats, after: CpuStats): number | undefined {
  // A runtime may report the same reading twice; its known rate is still valid.
  if (isSameReading(before, after)) return before.cores ?? after.cores;
  // The runtime's own rate may span the restart, too.
  if (wasReset(before, after)) return undefined;
  return cpuCores(before, after) ?? after.cores;
}

/** Returns whether both are one reading. A time of 0 is no evidence: runtimes that do not report times have it in every reading. */
function isSameReading(before: CpuStats, after: CpuStats): boolean {
  return after.atNanos !== 0n && before.atNanos === after.atNanos && before.usageNanos === after.usageNanos;
}

function wasReset({ usageNanos: before }: CpuStats, { usageNanos: after }: CpuStats): boolean {
  return before !== undefined && after !== undefined && after < before;
}
