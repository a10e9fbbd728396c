// CRI's messages about usage.
import type { DiskSpace } from "./disk-usage.js";
import type { NetworkInterface } from "./network.js";
import type { CgroupUsage, MemoryUsage } from "./usage.js";

export function cpuMessage(
  { cpuNanos, pressure }: CgroupUsage,
  nanoCores: bigint | undefined,
  timestamp: bigint,
) {
  return {
    timestamp,
    usageCoreNanoSeconds: { value: cpuNanos },
    usageNanoCores: nanoCores === undefined ? undefined : { value: nanoCores },
    psi: pressure.cpu,
  };
}

export function memoryMessage({ memory, pressure }: CgroupUsage, timestamp: bigint) {
  return (
    memory && {
      timestamp,
      workingSetBytes: { value: memory.workingSet },
      availableBytes: available(memory.limit, memory.workingSet),
      usageBytes: { value: memory.used },
      rssBytes: { value: memory.rss },
      pageFaults: { value: memory.faults },
      majorPageFaults: { value: memory.majorFaults },
      psi: pressure.memory,
    }
  );
}

export function swapMessage({ swap }: MemoryUsage, timestamp: bigint) {
  return (
    swap && {
      timestamp,
      swapAvailableBytes: available(swap.limit, swap.used),
      swapUsageBytes: { value: swap.used },
    }
  );
}

export function ioMessage({ pressure }: CgroupUsage, timestamp: bigint) {
  return pressure.io && { timestamp, psi: pressure.io };
}

export function layerMessage({ timestamp, bytes, inodes }: DiskSpace, mountpoint: string) {
  return { timestamp, fsId: { mountpoint }, usedBytes: { value: bytes }, inodesUsed: { value: inodes } };
}

export function networkMessage(interfaces: readonly NetworkInterface[], timestamp: bigint) {
  const [defaultInterface, ...others] = interfaces.map(({ name, received, sent }) => ({
    name,
    rxBytes: { value: received.bytes },
    rxErrors: { value: received.errors },
    txBytes: { value: sent.bytes },
    txErrors: { value: sent.errors },
  }));
  return defaultInterface && { timestamp, defaultInterface, interfaces: others };
}

function available(limit: bigint | undefined, used: bigint) {
  if (limit === undefined) return undefined;
  return { value: limit > used ? limit - used : 0n };
}
