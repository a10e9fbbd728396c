import { type HostFiles, meminfoBytes } from "../../../kubernetes/index.js";

/** What this machine uses. Undefined where the kernel does not report it. */
export interface NodeUsage {
  /** When it was read, in nanoseconds since 1970. */
  readonly atNanos: bigint;
  /** CPU time of all processes since the start of the machine, in nanoseconds. */
  readonly cpuNanos: bigint | undefined;
  readonly memory: NodeMemory | undefined;
  /** The interfaces but the loopback one; that with the default route first. */
  readonly interfaces: readonly NodeInterface[];
  readonly processes: { readonly current: bigint; readonly max: bigint } | undefined;
  /** When the machine started, in milliseconds since 1970. */
  readonly bootedAtMs: number | undefined;
}

/** Memory of this machine, in bytes. */
export interface NodeMemory {
  readonly capacityBytes: bigint;
  readonly usageBytes: bigint;
  readonly workingSetBytes: bigint;
  readonly rssBytes: bigint;
  readonly pageFaults: bigint;
  readonly majorPageFaults: bigint;
  readonly swapUsageBytes: bigint;
  readonly swapAvailableBytes: bigint;
}

/** The traffic of an interface of this machine, since its start. */
export interface NodeInterface {
  readonly name: string;
  readonly rxBytes: bigint;
  readonly rxErrors: bigint;
  readonly txBytes: bigint;
  readonly txErrors: bigint;
}

/** The time of a tick of /proc/stat (USER_HZ), which is the same on all of Linux's platforms that Node has. */
const tickNanos = 10_000_000n;

/** Reads the usage of this machine from /proc. */
export async function nodeUsage(files: HostFiles, nowMs: number): Promise<NodeUsage> {
  const names = [
    "stat",
    "meminfo",
    "vmstat",
    "net/dev",
    "net/route",
    "loadavg",
    "sys/kernel/pid_max",
  ] as const;
  const [stat, meminfo, vmstat, interfaces, routes, loadavg, pidMax] = await Promise.all(
    names.map((name) => files.text(`/proc/${name}`)),
  );
  const bootedAt = /^btime (\d+)$/m.exec(stat ?? "")?.[1];
  return {
    atNanos: BigInt(Math.trunc(nowMs)) * 1_000_000n,
    cpuNanos: cpuNanosOf(stat ?? ""),
    memory: memoryOf(meminfo ?? "", vmstat ?? ""),
    interfaces: interfacesOf(interfaces ?? "", routes ?? ""),
    processes: processesOf(loadavg ?? "", pidMax ?? ""),
    bootedAtMs: bootedAt === undefined ? undefined : Number(bootedAt) * 1_000,
  };
}

/** The columns are user, nice, system, idle, iowait, irq, softirq, steal; guest time is part of the first two. */
function cpuNanosOf(stat: string): bigint | undefined {
  const line = /^cpu +([\d ]+)$/m.exec(stat)?.[1];
  if (line === undefined) return undefined;
  const ticks = line.trim().split(/ +/).map(BigInt);
  const busy = [0, 1, 2, 5, 6, 7].reduce((sum, column) => sum + (ticks[column] ?? 0n), 0n);
  return busy * tickNanos;
}

function memoryOf(meminfo: string, vmstat: string): NodeMemory | undefined {
  const bytes = (name: string) => meminfoBytes(meminfo, name) ?? 0n;
  const count = (name: string) => BigInt(new RegExp(`^${name} (\\d+)$`, "m").exec(vmstat)?.[1] ?? 0);
  const capacityBytes = bytes("MemTotal");
  if (capacityBytes === 0n) return undefined;
  const usageBytes = capacityBytes - bytes("MemFree");
  const inactiveBytes = bytes("Inactive(file)");
  return {
    capacityBytes,
    usageBytes,
    // As for containers: what files occupy that were not used lately can be reclaimed.
    workingSetBytes: usageBytes > inactiveBytes ? usageBytes - inactiveBytes : 0n,
    rssBytes: bytes("AnonPages"),
    pageFaults: count("pgfault"),
    majorPageFaults: count("pgmajfault"),
    swapUsageBytes: bytes("SwapTotal") - bytes("SwapFree"),
    swapAvailableBytes: bytes("SwapFree"),
  };
}

/** The columns after the name are bytes, packets, errors, … received, and from the ninth on the same sent. */
function interfacesOf(table: string, routes: string): readonly NodeInterface[] {
  const defaultName = /^(\S+)\t00000000\t/m.exec(routes)?.[1];
  const all = table.split("\n").flatMap((line) => {
    const [, name, columns] = /^\s*([^:\s]+):\s*(.*)$/.exec(line) ?? [];
    if (name === undefined || columns === undefined || name === "lo" || name.startsWith("veth")) return [];
    const numbers = columns.trim().split(/\s+/).map(BigInt);
    const at = (column: number) => numbers[column] ?? 0n;
    return [{ name, rxBytes: at(0), rxErrors: at(2), txBytes: at(8), txErrors: at(10) }];
  });
  return all.sort((a, b) => Number(b.name === defaultName) - Number(a.name === defaultName));
}

function processesOf(loadavg: string, pidMax: string): NodeUsage["processes"] {
  const current = /^\S+ \S+ \S+ \d+\/(\d+) /.exec(loadavg)?.[1];
  const max = /^(\d+)/.exec(pidMax)?.[1];
  return current === undefined || max === undefined
    ? undefined
    : { current: BigInt(current), max: BigInt(max) };
}
