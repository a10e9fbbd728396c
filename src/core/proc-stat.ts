import { closeSync, openSync, readSync } from "node:fs";

/** The fields of `/proc/PID/stat` that this package uses, under their meaning in proc(5). Times are in clock ticks. */
export interface ProcStat {
  /** One letter: `R`, `S`, `D`, `Z` (a zombie), ... */
  readonly state: string;
  readonly parentPid: number;
  readonly sessionId: number;
  /** The device number of the controlling terminal; 0 for none. */
  readonly terminal: number;
  readonly userTicks: bigint;
  readonly systemTicks: bigint;
  /** User time of children that ended and were waited for. */
  readonly childrenUserTicks: bigint;
  readonly childrenSystemTicks: bigint;
  /** Start time since boot, as text: it is only compared, and the pair of pid and start time is unique per boot. */
  readonly startTime: string;
  readonly residentPages: bigint;
  /** Whether this is a thread of the kernel, which has no environment and no memory of its own. */
  readonly isKernelThread: boolean;
}

/** Shared by all reads, which are synchronous: `readFileSync` allocates 64 KiB for each file of /proc. */
let buffer = Buffer.alloc(64 * 1024);

/**
 * Reads a file of a process in /proc as Latin-1, at a fraction of the cost of `readFileSync`; undefined if it cannot be read. Only for
 * files that the kernel returns whole if they fit, such as `stat`, `status` and `environ`, but not `maps`.
 */
export function readProcText(path: string): string | undefined {
  let file: number | undefined;
  try {
    file = openSync(path, "r");
    let length = 0;
    for (;;) {
      length += readSync(file, buffer, length, buffer.length - length, null);
      if (length < buffer.length) break;
      buffer = Buffer.concat([buffer], 2 * length);
    }
    return buffer.toString("latin1", 0, length);
  } catch {
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** PF_KTHREAD in the kernel's flags of a process. */
const kernelThreadFlag = 0x200000;

/** Reads `/proc/PID/stat`; undefined where the process does not exist, or the system has no /proc. */
export function readProcStat(pid: number): ProcStat | undefined {
  const text = readProcText(`/proc/${pid}/stat`);
  return text === undefined ? undefined : parseProcStat(text);
}

/** Parses the text of `/proc/PID/stat`; undefined when it is cut short. */
export function parseProcStat(text: string): ProcStat | undefined {
  // The second field, the program's name in parentheses, may hold spaces and parentheses itself; no later field does.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  // proc(5) counts from 1, and the fields here begin with the third, the state.
  const field = (number: number): string => fields[number - 3] ?? "";
  if (field(24) === "") return undefined;
  return {
    state: field(3),
    parentPid: Number(field(4)),
    sessionId: Number(field(6)),
    terminal: Number(field(7)),
    userTicks: BigInt(field(14)),
    systemTicks: BigInt(field(15)),
    childrenUserTicks: BigInt(field(16)),
    childrenSystemTicks: BigInt(field(17)),
    startTime: field(22),
    residentPages: BigInt(field(24)),
    isKernelThread: (Number(field(9)) & kernelThreadFlag) !== 0,
  };
}
