// The processes of this host: from /proc on Linux, from `ps` elsewhere.
import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { promisify } from "node:util";
import { messageOf, readProcStat, readProcText } from "../../../core/index.js";
import { wrongState } from "./errors.js";

/** One process of this host at one moment. Zombies are not listed. */
export interface HostProcessEntry {
  readonly pid: number;
  readonly parentPid: number;
  /** The session id; the process group id where the system does not report sessions. */
  readonly sessionId: number;
  /** The start time as an opaque text. Together with the pid it identifies one process, even across reboots. */
  readonly startTime: string;
  /** The path of the controlling terminal, where that is a pseudo-terminal and the system reports it. */
  readonly terminal: string | undefined;
  readonly cpuNanos: bigint;
  /** CPU time of ended children that this process waited for; 0 where the system does not report it. */
  readonly endedChildrenNanos: bigint;
  readonly memoryBytes: bigint;
  /** The value of {@link markerName} in the environment: the container that the process belongs to. */
  readonly marker: string | undefined;
}

/** The environment variable that marks the processes of a container. Children inherit it, in any session. */
export const markerName = "CRI_SDK_EMBEDDED";

/** Whether this system has `/proc`. */
export const hasProc = process.platform === "linux";

let nextScan: Promise<readonly HostProcessEntry[]> | undefined;

/**
 * Lists all visible processes, at a moment after the call. Takes about 20 µs per process with `/proc`, and one run of `ps` without it.
 * Calls share a scan that has not begun: many containers may end at once.
 */
export function readProcesses(): Promise<readonly HostProcessEntry[]> {
  nextScan ??= new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
    nextScan = undefined;
    return hasProc ? readProc() : readPs();
  });
  return nextScan;
}

/** Lists the processes that `known` does not skip, now. Call its `endScan()` afterwards. */
export async function readUnknownProcesses(known: KnownProcesses): Promise<readonly HostProcessEntry[]> {
  return hasProc ? readProc(known) : readPs();
}

/** How long a process may be in its fork: until it calls exec, it has the environment of its parent. */
const forkMs = 5_000;

interface KnownProcess {
  readonly startTime: string;
  readonly marker: string | undefined;
  /** When it was seen first, by the clock of this process. */
  readonly since: number;
  /** Whether it is of no interest to the reader. */
  isOther: boolean;
}

/**
 * The processes that earlier scans have found. Saves most of the reading where one reader scans every second: the environment of a
 * process is read once, and processes that are of no interest are not read again.
 */
export class KnownProcesses {
  #previous = new Map<number, KnownProcess>();
  #current = new Map<number, KnownProcess>();

  /** Reports whether a process need not be read. A pid that was reused since the last scan is noticed in a later one. */
  skips(pid: number): boolean {
    const known = this.#previous.get(pid);
    if (!known?.isOther || pid === process.pid) return false;
    this.#current.set(pid, known);
    return true;
  }

  /** Returns the marker of a process. */
  markerOf(pid: number, startTime: string): string | undefined {
    const now = performance.now();
    const before = this.#previous.get(pid);
    const same = before?.startTime === startTime ? before : undefined;
    const isFinal = same && (same.marker !== undefined || now - same.since > forkMs);
    const known = isFinal
      ? same
      : { startTime, marker: readMarker(pid), since: same?.since ?? now, isOther: false };
    this.#current.set(pid, known);
    return known.marker;
  }

  /** Ends a scan, which has found these processes of interest. Forgets processes that were not seen in it. */
  endScan(found: readonly HostProcessEntry[]): void {
    const pids = new Set(found.map(({ pid }) => pid));
    const now = performance.now();
    for (const [pid, known] of this.#current) known.isOther = !pids.has(pid) && now - known.since > forkMs;
    this.#previous = this.#current;
    this.#current = new Map();
  }
}

/** Returns a process's start time; undefined on systems where only {@link startTimeOf} can determine it. */
export function startTimeNow(pid: number): string | undefined {
  return hasProc ? (startTimeFromProc(pid) ?? "ended") : undefined;
}

/** Returns a process's start time; `ended` for a process that no longer exists. Never rejects. */
export async function startTimeOf(pid: number): Promise<string> {
  // The process is running already: starting it must not fail because its record is incomplete.
  const table = await readProcesses().catch(() => []);
  return startTimeNow(pid) ?? table.find((entry) => entry.pid === pid)?.startTime ?? "ended";
}

/** Reads all processes from `/proc`, synchronously, so that few processes start or end during the scan. */
export function readProc(known?: KnownProcesses): HostProcessEntry[] {
  const entries: HostProcessEntry[] = [];
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || known?.skips(pid)) continue;
    const entry = readEntry(pid, known);
    if (entry) entries.push(entry);
  }
  return entries;
}

/** Identifies the current boot of the host. */
export function bootId(): string {
  return kernelConstants().boot;
}

/** A zombie still has a start time. */
function startTimeFromProc(pid: number): string | undefined {
  const startTime = readProcStat(pid)?.startTime;
  return startTime && `${bootId()}-${startTime}`;
}

const nanosPerSecond = 1_000_000_000n;
/** Converts the kernel's unit of CPU time. */
export function ticksToNanos(ticks: bigint): bigint {
  return (ticks * nanosPerSecond) / kernelConstants().ticksPerSecond;
}

const endedStates = new Set(["Z", "X", "x"]);

function readEntry(pid: number, known: KnownProcesses | undefined): HostProcessEntry | undefined {
  const stat = readProcStat(pid);
  if (!stat || endedStates.has(stat.state)) return undefined;
  const { pageBytes, boot } = kernelConstants();
  const marker = stat.isKernelThread ? undefined : markerOf(pid, stat.startTime, known);
  const cpuNanos = ticksToNanos(stat.userTicks + stat.systemTicks);
  return {
    pid,
    parentPid: stat.parentPid,
    sessionId: stat.sessionId,
    startTime: `${boot}-${stat.startTime}`,
    terminal: terminalPath(stat.terminal),
    cpuNanos: marker === undefined ? cpuNanos : preciseCpuNanos(pid, cpuNanos),
    endedChildrenNanos: ticksToNanos(stat.childrenUserTicks + stat.childrenSystemTicks),
    memoryBytes: stat.residentPages * pageBytes,
    marker,
  };
}

function markerOf(pid: number, startTime: string, known: KnownProcesses | undefined): string | undefined {
  return known ? known.markerOf(pid, startTime) : readMarker(pid);
}

/**
 * Returns the larger of two measurements of one process's CPU time. Ticks are hundredths of a second, and a shell that only
 * waits may never use a whole one. The scheduler counts nanoseconds, but only for the first thread.
 */
function preciseCpuNanos(pid: number, fromTicks: bigint): bigint {
  const [first] = /^\d+/.exec(readProcText(`/proc/${pid}/schedstat`) ?? "") ?? [];
  const scheduled = BigInt(first ?? 0);
  return scheduled > fromTicks ? scheduled : fromTicks;
}

function readMarker(pid: number): string | undefined {
  // Unreadable for processes of other users, which cannot belong to this driver, and after the end of the process.
  const environment = readProcText(`/proc/${pid}/environ`);
  if (!environment) return undefined;
  const at = `\0${environment}`.indexOf(`\0${markerName}=`);
  if (at < 0) return undefined;
  const start = at + markerName.length + 1;
  const end = environment.indexOf("\0", start);
  return environment.slice(start, end < 0 ? undefined : end);
}

/** Converts the device number in `stat`. Pseudo-terminals have major number 136; the minor number is split in two parts. */
function terminalPath(device: number): string | undefined {
  if (((device >> 8) & 0xfff) !== 136) return undefined;
  return `/dev/pts/${(device & 0xff) | ((device >>> 12) & 0xfff00)}`;
}

interface KernelConstants {
  readonly ticksPerSecond: bigint;
  readonly pageBytes: bigint;
  readonly boot: string;
}

let cachedConstants: KernelConstants | undefined;

/** Reads the kernel's units from this process's auxiliary vector. */
function kernelConstants(): KernelConstants {
  if (cachedConstants) return cachedConstants;
  let [ticksPerSecond, pageBytes] = [100n, 4096n];
  try {
    const vector = readFileSync("/proc/self/auxv");
    const words = new BigUint64Array(
      vector.buffer.slice(vector.byteOffset, vector.byteOffset + (vector.byteLength & ~15)),
    );
    for (let at = 0; at + 1 < words.length; at += 2) {
      const value = words[at + 1] ?? 0n;
      if (words[at] === 6n && value > 0n) pageBytes = value;
      if (words[at] === 17n && value > 0n) ticksPerSecond = value;
    }
  } catch {
    // The defaults are correct on nearly every machine.
  }
  const boot = readProcText("/proc/sys/kernel/random/boot_id")?.slice(0, 8) ?? "0";
  cachedConstants = { ticksPerSecond, pageBytes, boot };
  return cachedConstants;
}

/** Reads all processes with `ps`, which does not report the CPU time of ended children. */
export async function readPs(): Promise<HostProcessEntry[]> {
  // "e" adds the environment to the command, which is therefore the last column.
  const columns = "pid=,ppid=,pgid=,stat=,rss=,time=,lstart=,command=";
  const options = {
    env: { PATH: process.env.PATH, LC_ALL: "C" },
    maxBuffer: 64 * 1024 * 1024,
    timeout: 10_000,
  };
  const { stdout } = await promisify(execFile)("ps", ["axeww", "-o", columns], options).catch((error) => {
    throw wrongState(`cannot list the processes of this host: ${messageOf(error)}`);
  });
  return parsePs(stdout);
}

const psRow = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(\d+)\s+(\S+)\s+(\w+\s+\w+\s+\w+\s+[\d:]+\s+\d+)\s?(.*)$/;

/** Parses the output of `ps` with the columns of {@link readPs}, as Linux and macOS print it. */
export function parsePs(text: string): HostProcessEntry[] {
  return text.split("\n").flatMap((line) => {
    const [, pid, parentPid, group, state = "", kilobytes, time = "", startTime = "", command = ""] =
      psRow.exec(line) ?? [];
    if (pid === undefined || state.startsWith("Z")) return [];
    const marker = new RegExp(`(?:^|\\s)${markerName}=(\\S+)`).exec(command)?.[1];
    return {
      pid: Number(pid),
      parentPid: Number(parentPid),
      sessionId: Number(group),
      startTime: `${Date.parse(startTime) / 1000}`,
      terminal: undefined,
      cpuNanos: parseCpuTime(time),
      endedChildrenNanos: 0n,
      memoryBytes: BigInt(kilobytes ?? 0) * 1024n,
      marker,
    };
  });
}

/** Parses `[[days-]hours:]minutes:seconds[.hundredths]` to nanoseconds. */
function parseCpuTime(time: string): bigint {
  const [days, clock = ""] = time.includes("-") ? time.split("-") : ["0", time];
  const seconds = clock.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
  const all = Number(days) * 86_400 + seconds;
  return Number.isFinite(all) ? BigInt(Math.round(all * 1000)) * 1_000_000n : 0n;
}
