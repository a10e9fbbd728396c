import { readProc, readStart } from "./proc-table.js";
import { readPs } from "./ps-table.js";

/** A process of this host, as it was at one moment. One that ended and was not reaped yet is none. */
export interface HostProcessEntry {
  readonly pid: number;
  readonly parent: number;
  /** Its session; the process group where the system does not tell sessions. */
  readonly session: number;
  /** When it started, in words that, with the pid, name one process even across restarts of the host. */
  readonly start: string;
  /** Its controlling terminal, where that is a pseudo-terminal and the system tells. */
  readonly terminal: string | undefined;
  readonly cpuNanos: bigint;
  /** CPU time of its children that have ended; 0 where the system does not tell. */
  readonly endedChildrenNanos: bigint;
  readonly memoryBytes: bigint;
  /** The marker of its container, as {@link markerName} in its environment. */
  readonly marker: string | undefined;
}

/** The variable that tells whose process one is. Children inherit it, however far they move away. */
export const markerName = "CRI_SDK_EMBEDDED";

/** Whether the system tells of its processes in `/proc`. */
export const hasProc = process.platform === "linux";

/** Every process that this one may see. Costs some 30 µs a process with `/proc`, and a run of `ps` without. */
export async function readProcesses(): Promise<readonly HostProcessEntry[]> {
  return hasProc ? readProc(markerName) : readPs(markerName);
}

/** When a process started, in the words of {@link HostProcessEntry}; undefined where that has to be waited for. */
export function startNow(pid: number): string | undefined {
  // It may have ended already, as long as its parent has not looked.
  return hasProc ? (readStart(pid) ?? "ended") : undefined;
}

/** When a process started, in the words of {@link HostProcessEntry}. */
export async function startOf(pid: number): Promise<string> {
  // The process runs by now: a record that is less use than it could be is no reason to fail.
  const table = await readProcesses().catch(() => []);
  return startNow(pid) ?? table.find((entry) => entry.pid === pid)?.start ?? "ended";
}
