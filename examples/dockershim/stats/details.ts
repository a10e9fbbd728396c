// Details of a cgroup for metrics, in the same terms for v1 and v2. A field is undefined if the kernel lacks it.
import type { Cgroup } from "./cgroup.js";
import { finite } from "./usage.js";

type Value = bigint | undefined;

export interface CgroupDetails {
  readonly userNanos: Value;
  readonly systemNanos: Value;
  readonly periods: Value;
  readonly throttledPeriods: Value;
  readonly throttledNanos: Value;
  readonly cpuShares: Value;
  /** In microseconds. */
  readonly cpuPeriod: Value;
  /** In microseconds; 0 for none. */
  readonly cpuQuota: Value;
  readonly fileCache: Value;
  readonly mappedFiles: Value;
  readonly kernelMemory: Value;
  readonly maxMemory: Value;
  /** How often the memory limit was reached. */
  readonly memoryFailures: Value;
  readonly oomKills: Value;
  /** Undefined for none. */
  readonly memoryReservation: Value;
  /** The limit of memory and swap together; undefined for none. */
  readonly memoryAndSwapLimit: Value;
  readonly threads: Value;
  /** Undefined for no limit. */
  readonly maxThreads: Value;
  readonly io: readonly DeviceIo[];
}

export interface DeviceIo {
  /** `MAJOR:MINOR`. */
  readonly device: string;
  readonly reads: bigint;
  readonly writes: bigint;
  readonly readBytes: bigint;
  readonly writtenBytes: bigint;
}

export function readDetails(cgroup: Cgroup): CgroupDetails {
  const threads = { threads: cgroup.number("pids.current"), maxThreads: cgroup.number("pids.max") };
  return { ...threads, ...(cgroup.isUnified ? detailsOfV2(cgroup) : detailsOfV1(cgroup)) };
}

function detailsOfV1(cgroup: Cgroup) {
  const ticks = cgroup.table("cpuacct.stat");
  const cpu = cgroup.table("cpu.stat");
  const memory = cgroup.table("memory.stat");
  return {
    // In hundredths of a second. Unlike those of cpuacct.usage_user and _sys, their sum is the CPU time.
    userNanos: times(ticks?.get("user"), 10_000_000n),
    systemNanos: times(ticks?.get("system"), 10_000_000n),
    periods: cpu?.get("nr_periods"),
    throttledPeriods: cpu?.get("nr_throttled"),
    throttledNanos: cpu?.get("throttled_time"),
    cpuShares: cgroup.number("cpu.shares"),
    cpuPeriod: cgroup.number("cpu.cfs_period_us"),
    cpuQuota: atLeastZero(cgroup.number("cpu.cfs_quota_us")),
    fileCache: memory?.get("total_cache"),
    mappedFiles: memory?.get("total_mapped_file"),
    kernelMemory: cgroup.number("memory.kmem.usage_in_bytes"),
    maxMemory: cgroup.number("memory.max_usage_in_bytes"),
    memoryFailures: cgroup.number("memory.failcnt"),
    oomKills: cgroup.table("memory.oom_control")?.get("oom_kill"),
    memoryReservation: finite(cgroup.number("memory.soft_limit_in_bytes")),
    memoryAndSwapLimit: finite(cgroup.number("memory.memsw.limit_in_bytes")),
    io: ioOfV1(cgroup),
  };
}

/** Reads lines such as `254:0 Read 4096`. */
function ioOfV1(cgroup: Cgroup): DeviceIo[] {
  const read = (file: string) => {
    const text = cgroup.read(`blkio.throttle.${file}_recursive`) ?? "";
    return new Map(
      [...text.matchAll(/^(\S+ \w+) (\d+)$/gm)].map(([, key = "", value = ""]) => [key, BigInt(value)]),
    );
  };
  const [bytes, operations] = [read("io_service_bytes"), read("io_serviced")];
  const devices = new Set([...bytes.keys()].map((key) => key.replace(/ .*/, "")));
  return [...devices].map((device) => ({
    device,
    reads: operations.get(`${device} Read`) ?? 0n,
    writes: operations.get(`${device} Write`) ?? 0n,
    readBytes: bytes.get(`${device} Read`) ?? 0n,
    writtenBytes: bytes.get(`${device} Write`) ?? 0n,
  }));
}

function detailsOfV2(cgroup: Cgroup) {
  const cpu = cgroup.table("cpu.stat");
  const memory = cgroup.table("memory.stat");
  const events = cgroup.table("memory.events");
  const nanos = (key: string) => times(cpu?.get(key), 1000n);
  const [quota = "", period = ""] = cgroup.read("cpu.max")?.trim().split(" ") ?? [];
  const [limit, swapLimit] = [cgroup.number("memory.max"), cgroup.number("memory.swap.max")];
  return {
    userNanos: nanos("user_usec"),
    systemNanos: nanos("system_usec"),
    periods: cpu?.get("nr_periods"),
    throttledPeriods: cpu?.get("nr_throttled"),
    throttledNanos: nanos("throttled_usec"),
    cpuShares: sharesOfWeight(cgroup.number("cpu.weight")),
    cpuPeriod: period === "" ? undefined : BigInt(period),
    cpuQuota: quota === "" ? undefined : quota === "max" ? 0n : BigInt(quota),
    fileCache: memory?.get("file"),
    mappedFiles: memory?.get("file_mapped"),
    kernelMemory: memory?.get("kernel"),
    maxMemory: cgroup.number("memory.peak"),
    memoryFailures: events?.get("max"),
    oomKills: events?.get("oom_kill"),
    memoryReservation: cgroup.number("memory.low"),
    memoryAndSwapLimit: limit === undefined || swapLimit === undefined ? undefined : limit + swapLimit,
    io: ioOfV2(cgroup),
  };
}

/** Reads lines such as `254:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0`. */
function ioOfV2(cgroup: Cgroup): DeviceIo[] {
  const text = cgroup.read("io.stat") ?? "";
  return [...text.matchAll(/^(\d+:\d+) (.+)$/gm)].map(([, device = "", rest = ""]) => {
    const value = (key: string) => BigInt(new RegExp(`\\b${key}=(\\d+)`).exec(rest)?.[1] ?? 0);
    return {
      device,
      reads: value("rios"),
      writes: value("wios"),
      readBytes: value("rbytes"),
      writtenBytes: value("wbytes"),
    };
  });
}

/** Reverses the conversion of runc, from 2-262144 shares to a weight of 1-10000. */
function sharesOfWeight(weight: Value): Value {
  return weight === undefined ? undefined : 2n + ((weight - 1n) * 262_142n) / 9_999n;
}

function times(value: Value, factor: bigint): Value {
  return value === undefined ? undefined : value * factor;
}

function atLeastZero(value: Value): Value {
  return value !== undefined && value < 0n ? 0n : value;
}
