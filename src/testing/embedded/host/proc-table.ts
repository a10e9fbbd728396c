import { readdirSync, readFileSync } from "node:fs";
import type { HostProcessEntry } from "./process-table.js";

/** Reads the processes from `/proc`: in one go, so that few of them can come and go meanwhile. */
export function readProc(markerName: string): HostProcessEntry[] {
  const entries: HostProcessEntry[] = [];
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const entry = readEntry(pid, markerName);
    if (entry) entries.push(entry);
  }
  return entries;
}

/** The fields of `/proc/<pid>/stat`, counted from the state on, which is field 3 in proc(5). */
const field = { state: 0, parent: 1, session: 3, terminal: 4, user: 11, system: 12, start: 19, pages: 21 };
const endedUser = 13;
const endedSystem = 14;
const nanosPerSecond = 1_000_000_000n;

/** When a process started, also of one that ended and was not reaped yet. */
export function readStart(pid: number): string | undefined {
  const start = readStat(pid)?.[field.start];
  return start && `${constants().boot}-${start}`;
}

/** What names this run of the host. */
export function bootName(): string {
  return constants().boot;
}

function readStat(pid: number): string[] | undefined {
  const text = readText(`/proc/${pid}/stat`);
  // The name of a program may hold spaces and brackets; nothing after it does.
  return text?.slice(text.lastIndexOf(")") + 2).split(" ");
}

function readEntry(pid: number, markerName: string): HostProcessEntry | undefined {
  const fields = readStat(pid);
  const state = fields?.[field.state];
  if (!fields || !state || "ZXx".includes(state)) return undefined;
  const { ticksPerSecond, pageBytes, boot } = constants();
  const nanos = (at: number) => (BigInt(fields[at] ?? 0) * nanosPerSecond) / ticksPerSecond;
  const marker = markerOf(pid, markerName);
  const ticked = nanos(field.user) + nanos(field.system);
  return {
    pid,
    parent: Number(fields[field.parent]),
    session: Number(fields[field.session]),
    start: `${boot}-${fields[field.start]}`,
    terminal: terminalName(Number(fields[field.terminal])),
    cpuNanos: marker === undefined ? ticked : preciseCpu(pid, ticked),
    endedChildrenNanos: nanos(endedUser) + nanos(endedSystem),
    memoryBytes: BigInt(fields[field.pages] ?? 0) * pageBytes,
    marker,
  };
}

/**
 * Ticks are hundredths of a second, which a shell that waits does not come to in its life. The scheduler counts in
 * nanoseconds, but only the first thread of a process: whichever is more is closer.
 */
function preciseCpu(pid: number, ticked: bigint): bigint {
  const [ran] = /^\d+/.exec(readText(`/proc/${pid}/schedstat`) ?? "") ?? [];
  const scheduled = BigInt(ran ?? 0);
  return scheduled > ticked ? scheduled : ticked;
}

function markerOf(pid: number, name: string): string | undefined {
  // Those of other users are not ours, and not readable.
  const environment = readText(`/proc/${pid}/environ`);
  if (!environment) return undefined;
  const at = `\0${environment}`.indexOf(`\0${name}=`);
  if (at < 0) return undefined;
  const start = at + name.length + 1;
  const end = environment.indexOf("\0", start);
  return environment.slice(start, end < 0 ? undefined : end);
}

/** Where pseudo-terminals are, of the numbers that `stat` tells: the major 136, with the minor in two pieces. */
function terminalName(device: number): string | undefined {
  if (((device >> 8) & 0xfff) !== 136) return undefined;
  return `/dev/pts/${(device & 0xff) | ((device >>> 12) & 0xfff00)}`;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch {
    // It ended meanwhile, or belongs to somebody else.
    return undefined;
  }
}

interface Constants {
  readonly ticksPerSecond: bigint;
  readonly pageBytes: bigint;
  readonly boot: string;
}

let known: Constants | undefined;

/** What the kernel counts in, from what it told this process at its start (the auxiliary vector). */
function constants(): Constants {
  if (known) return known;
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
    // The defaults are right on nearly every machine.
  }
  const boot = readText("/proc/sys/kernel/random/boot_id")?.slice(0, 8) ?? "0";
  known = { ticksPerSecond, pageBytes, boot };
  return known;
}
