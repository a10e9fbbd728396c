// Which processes of this host belong to a driver or a container, and how they are killed.
import { onProcessExit, sleep } from "../../../core/index.js";
import { type HostProcessEntry, hasProc, readProc, readProcesses } from "./process-table.js";

/** A session that a driver started, identified by the process that leads it. */
export interface StartedSession {
  readonly pid: number;
  readonly startTime: string;
  readonly marker: string;
}

/**
 * What identifies the processes of a driver, a container or an exec. Markers have the form
 * `<state id>/<container>/<number>/`.
 */
export interface ProcessClaim {
  /** A prefix: processes whose marker begins with it are claimed. */
  readonly marker: string;
  /** Sessions that were started. Those with another marker are ignored. */
  readonly sessions: readonly StartedSession[];
}

/**
 * Selects the processes of a claim: those with its marker; those in one of its sessions, since a program may overwrite or
 * clear its environment; and their descendants and session mates. A process escapes only if it clears its environment,
 * leaves its session and loses its parent.
 */
export function ownedProcesses(table: readonly HostProcessEntry[], claim: ProcessClaim): HostProcessEntry[] {
  const self = table.find(({ pid }) => pid === process.pid);
  const startTimes = new Map(table.map(({ pid, startTime }) => [pid, startTime]));
  const sessions = new Set<number>();
  for (const { pid, startTime, marker } of claim.sessions) {
    // The kernel does not reuse a session's number while the session has members, so the session is still the same one
    // after its leader ended. A leader with another start time means that the number was reused.
    const current = startTimes.get(pid) ?? startTime;
    if (marker.startsWith(claim.marker) && current === startTime) sessions.add(pid);
  }
  const owned = new Map<number, HostProcessEntry>();
  const others = new Set(
    table.filter(({ pid, sessionId }) => pid !== 1 && pid !== self?.pid && sessionId !== self?.sessionId),
  );
  for (let before = -1; before < owned.size; ) {
    before = owned.size;
    for (const entry of others) {
      const { pid, parentPid, sessionId, marker } = entry;
      if (!marker?.startsWith(claim.marker) && !sessions.has(sessionId) && !owned.has(parentPid)) continue;
      owned.set(pid, entry);
      sessions.add(sessionId);
      others.delete(entry);
    }
  }
  return [...owned.values()];
}

/** The longest wait for processes to end after SIGKILL. Only processes in uninterruptible sleep take longer. */
const killTimeoutMs = 10_000;

/**
 * Kills all processes of a claim and waits for their end. Resolves with the pids that did not end in time, normally none.
 * Scans until two scans in a row find nothing: a process may start between two scans, or be invisible during its exec.
 */
export async function killOwned(claim: () => ProcessClaim): Promise<readonly number[]> {
  const until = performance.now() + killTimeoutMs;
  let pauseMs = 1;
  for (let emptyScans = 0; ; ) {
    const found = ownedProcesses(await readProcesses(), claim());
    emptyScans = found.length === 0 ? emptyScans + 1 : 0;
    if (emptyScans === 2) return [];
    for (const { pid } of found) sendSignal(pid);
    if (performance.now() > until) return found.map(({ pid }) => pid);
    if (emptyScans === 0) await sleep(pauseMs);
    pauseMs = Math.min(pauseMs * 2, 50);
  }
}

/**
 * Kills the processes of a claim when this process exits without closing its driver. Returns a function that cancels this.
 */
export function killOwnedAtExit(claim: () => ProcessClaim): () => void {
  return onProcessExit(() => {
    // Exit callbacks are synchronous. Without /proc, only process groups can be found that way.
    for (const { pid } of claim().sessions) sendSignal(-pid);
    for (let scan = 0; hasProc && scan < 3; scan++)
      for (const { pid } of ownedProcesses(readProc(), claim())) sendSignal(pid);
  });
}

/** Sends a signal, by default SIGKILL, to a process, or to a process group when the number is negative. Never throws. */
export function sendSignal(pid: number, signal: NodeJS.Signals = "SIGKILL"): void {
  try {
    process.kill(pid, signal);
  } catch {
    // The process has ended, or belongs to another user; killOwned reports the latter.
  }
}
