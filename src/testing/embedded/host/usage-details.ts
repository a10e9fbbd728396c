// What /proc reports about processes in detail. Other systems report none of it.
import { readdirSync, readlinkSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { readProcStat, readProcText } from "../../../core/index.js";
import type { DetailedUsage, ResourceUsage } from "../driver.js";
import { ticksToNanos } from "./process-table.js";

type Details = Omit<DetailedUsage, keyof ResourceUsage>;
type Counters = Omit<Details, "fileSystem" | "maxOpenFiles">;

const none: Counters = {
  ...{ userNanos: 0n, systemNanos: 0n, maxMemoryBytes: 0n, ownMemoryBytes: 0n },
  ...{ fileMemoryBytes: 0n, swapBytes: 0n },
  ...{ minorFaults: 0n, majorFaults: 0n, threads: 0, openFiles: 0, sockets: 0 },
  ...{ readBytes: 0n, writtenBytes: 0n, reads: 0n, writes: 0n },
};

/** Sums up the details of processes, and reads the file system of their container's folder. */
export async function readDetails(pids: readonly number[], folder: string): Promise<Details> {
  const all = pids.map(readProcess);
  const sum = all.reduce<Counters>(
    (total, one) => ({
      userNanos: total.userNanos + one.userNanos,
      systemNanos: total.systemNanos + one.systemNanos,
      maxMemoryBytes: total.maxMemoryBytes + one.maxMemoryBytes,
      ownMemoryBytes: total.ownMemoryBytes + one.ownMemoryBytes,
      fileMemoryBytes: total.fileMemoryBytes + one.fileMemoryBytes,
      swapBytes: total.swapBytes + one.swapBytes,
      minorFaults: total.minorFaults + one.minorFaults,
      majorFaults: total.majorFaults + one.majorFaults,
      threads: total.threads + one.threads,
      openFiles: total.openFiles + one.openFiles,
      sockets: total.sockets + one.sockets,
      readBytes: total.readBytes + one.readBytes,
      writtenBytes: total.writtenBytes + one.writtenBytes,
      reads: total.reads + one.reads,
      writes: total.writes + one.writes,
    }),
    none,
  );
  const [first] = pids;
  return {
    ...sum,
    maxOpenFiles: first === undefined ? undefined : softLimit(readProcText(`/proc/${first}/limits`) ?? ""),
    fileSystem: await fileSystemOf(folder),
  };
}

/** A process that ended meanwhile, or whose files this user may not read, contributes zeros. */
function readProcess(pid: number): Counters {
  const stat = readProcStat(pid);
  const status = readProcText(`/proc/${pid}/status`) ?? "";
  const io = readProcText(`/proc/${pid}/io`) ?? "";
  const kilobytes = (name: string) => number(status, name) * 1024n;
  const files = openFiles(pid);
  // Fields 10 and 12 of `stat`; its second field may contain spaces, so they are counted from its end.
  const faults = (readProcText(`/proc/${pid}/stat`) ?? "").replace(/^.*\) /s, "").split(" ");
  return {
    userNanos: ticksToNanos(stat?.userTicks ?? 0n),
    systemNanos: ticksToNanos(stat?.systemTicks ?? 0n),
    maxMemoryBytes: kilobytes("VmHWM"),
    ownMemoryBytes: kilobytes("RssAnon") + kilobytes("RssShmem"),
    fileMemoryBytes: kilobytes("RssFile"),
    swapBytes: kilobytes("VmSwap"),
    minorFaults: BigInt(faults[7] || 0),
    majorFaults: BigInt(faults[9] || 0),
    threads: Number(number(status, "Threads")),
    openFiles: files.length,
    sockets: files.filter((target) => target.startsWith("socket:")).length,
    readBytes: number(io, "read_bytes"),
    writtenBytes: number(io, "write_bytes"),
    reads: number(io, "syscr"),
    writes: number(io, "syscw"),
  };
}

function number(text: string, name: string): bigint {
  return BigInt(new RegExp(`^${name}:\\s*(\\d+)`, "m").exec(text)?.[1] ?? 0);
}

function softLimit(limits: string): bigint | undefined {
  const found = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
  return found === undefined ? undefined : BigInt(found);
}

function openFiles(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((name) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${name}`);
      } catch {
        return "";
      }
    });
  } catch {
    return [];
  }
}

async function fileSystemOf(path: string): Promise<Details["fileSystem"]> {
  const found = await statfs(path, { bigint: true }).catch(() => undefined);
  return found && { bytes: found.blocks * found.bsize, inodes: found.files, freeInodes: found.ffree };
}
