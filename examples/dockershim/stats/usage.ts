// The usage of a cgroup, in the same terms for v1 and v2.
import type { Cgroup } from "./cgroup.js";

export interface CgroupUsage {
  readonly cpuNanos: bigint;
  /** Undefined if the kernel has no memory controller. */
  readonly memory: MemoryUsage | undefined;
  /** Time lost for lack of each resource; only v2 counts it. */
  readonly pressure: { readonly [resource in "cpu" | "memory" | "io"]?: Pressure | undefined };
}

/** In bytes, but for the faults. */
export interface MemoryUsage {
  readonly used: bigint;
  readonly workingSet: bigint;
  readonly rss: bigint;
  readonly faults: bigint;
  readonly majorFaults: bigint;
  readonly limit: bigint | undefined;
  /** Undefined if the kernel does not account for swap. */
  readonly swap: { readonly used: bigint; readonly limit: bigint | undefined } | undefined;
}

/** CRI's PsiStats. */
export interface Pressure {
  readonly Some: PressureTimes | undefined;
  readonly Full: PressureTimes | undefined;
}

interface PressureTimes {
  /** In nanoseconds. */
  readonly Total: bigint;
  readonly Avg10: number;
  readonly Avg60: number;
  readonly Avg300: number;
}

/** Reads the usage of a cgroup; undefined if it no longer exists. */
export function readUsage(cgroup: Cgroup): CgroupUsage | undefined {
  // The CPU time is read last: if it exists, the memory controller's files did not vanish in between.
  const memory = cgroup.isUnified ? memoryOfV2(cgroup) : memoryOfV1(cgroup);
  const pressure = cgroup.isUnified ? readPressure(cgroup) : {};
  const cpuNanos = cgroup.isUnified
    ? micros(cgroup.table("cpu.stat")?.get("usage_usec"))
    : cgroup.number("cpuacct.usage");
  return cpuNanos === undefined ? undefined : { cpuNanos, memory, pressure };
}

/** Adds the usage of several cgroups. Limits and pressure have no sum. */
export function sumUsage(usages: readonly CgroupUsage[]): CgroupUsage {
  const memories = usages.map(({ memory }) => memory).filter((memory) => memory !== undefined);
  const sum = (read: (memory: MemoryUsage) => bigint) =>
    memories.reduce((total, one) => total + read(one), 0n);
  const memory: MemoryUsage = {
    used: sum(({ used }) => used),
    workingSet: sum(({ workingSet }) => workingSet),
    rss: sum(({ rss }) => rss),
    faults: sum(({ faults }) => faults),
    majorFaults: sum(({ majorFaults }) => majorFaults),
    limit: undefined,
    swap: undefined,
  };
  const cpuNanos = usages.reduce((total, one) => total + one.cpuNanos, 0n);
  return { cpuNanos, memory: memories.length > 0 ? memory : undefined, pressure: {} };
}

function memoryOfV1(cgroup: Cgroup): MemoryUsage | undefined {
  const used = cgroup.number("memory.usage_in_bytes");
  const stat = cgroup.table("memory.stat");
  if (used === undefined || !stat) return undefined;
  const limit = finite(cgroup.number("memory.limit_in_bytes"));
  const limitWithSwap = cgroup.number("memory.memsw.limit_in_bytes");
  const swapLimit = finite(limitWithSwap);
  return {
    used,
    workingSet: atLeastZero(used - (stat.get("total_inactive_file") ?? 0n)),
    rss: stat.get("total_rss") ?? 0n,
    faults: stat.get("total_pgfault") ?? 0n,
    majorFaults: stat.get("total_pgmajfault") ?? 0n,
    limit,
    swap:
      limitWithSwap === undefined
        ? undefined
        : {
            used: stat.get("total_swap") ?? 0n,
            limit:
              limit === undefined || swapLimit === undefined ? undefined : atLeastZero(swapLimit - limit),
          },
  };
}

function memoryOfV2(cgroup: Cgroup): MemoryUsage | undefined {
  const used = cgroup.number("memory.current");
  const stat = cgroup.table("memory.stat");
  if (used === undefined || !stat) return undefined;
  const swapped = cgroup.number("memory.swap.current");
  return {
    used,
    workingSet: atLeastZero(used - (stat.get("inactive_file") ?? 0n)),
    rss: stat.get("anon") ?? 0n,
    faults: stat.get("pgfault") ?? 0n,
    majorFaults: stat.get("pgmajfault") ?? 0n,
    limit: cgroup.number("memory.max"),
    swap: swapped === undefined ? undefined : { used: swapped, limit: cgroup.number("memory.swap.max") },
  };
}

function readPressure(cgroup: Cgroup) {
  const of = (resource: string) => parsePressure(cgroup.read(`${resource}.pressure`));
  return { cpu: of("cpu"), memory: of("memory"), io: of("io") };
}

/** Parses lines such as `some avg10=0.00 avg60=0.12 avg300=0.05 total=1234`, with the total in microseconds. */
function parsePressure(text: string | undefined): Pressure | undefined {
  if (!text) return undefined;
  const times = (kind: string): PressureTimes | undefined => {
    const found = new RegExp(`^${kind} avg10=(\\S+) avg60=(\\S+) avg300=(\\S+) total=(\\d+)`, "m").exec(text);
    if (!found) return undefined;
    const [, avg10, avg60, avg300, total = "0"] = found;
    return {
      Total: BigInt(total) * 1000n,
      Avg10: Number(avg10),
      Avg60: Number(avg60),
      Avg300: Number(avg300),
    };
  };
  return { Some: times("some"), Full: times("full") };
}

function micros(value: bigint | undefined): bigint | undefined {
  return value === undefined ? undefined : value * 1000n;
}

/** v1 writes "no limit" as the largest number of whole pages. */
export function finite(limit: bigint | undefined): bigint | undefined {
  return limit !== undefined && limit < 1n << 62n ? limit : undefined;
}

function atLeastZero(value: bigint): bigint {
  return value > 0n ? value : 0n;
}
