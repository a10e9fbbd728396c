// The lock of a state directory, and the atomic files that it is made of.
import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, linkSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { codeOf, messageOf, readRegularFileSync } from "../../../core/index.js";
import { unusableStateDir } from "./errors.js";
import { type HostProcessEntry, readProcesses } from "./process-table.js";

export const lockName = "cri-sdk.lock";

/** The names of temporary files. A crash may leave some behind. */
export const temporaryName = /^\.cri-sdk\.[0-9a-f]{12}\.tmp$/;

function temporaryPath(folder: string): string {
  return `${folder}/.cri-sdk.${randomBytes(6).toString("hex")}.tmp`;
}

/** Writes a file atomically: readers see the old or the new content, even after a crash. */
export function writeAtomically(folder: string, name: string, content: string): void {
  const temporary = writeTemporary(folder, content);
  try {
    renameSync(temporary, `${folder}/${name}`);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** Creates a file atomically. Returns false when the file exists already. */
function createAtomically(folder: string, name: string, content: string): boolean {
  const temporary = writeTemporary(folder, content);
  try {
    linkSync(temporary, `${folder}/${name}`);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}

function writeTemporary(folder: string, content: string): string {
  const path = temporaryPath(folder);
  const file = openSync(path, "wx", 0o600);
  try {
    writeSync(file, content);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  return path;
}

interface LockOwner {
  readonly pid: number;
  /** The owner's start time, so that a reused pid is not mistaken for the owner. */
  readonly start: string;
}

/**
 * Locks a folder for this process. Returns the function that unlocks it. Takes over the lock of a process that has ended.
 * Rejects with `invalid_option` when the owner is running or the lock is not readable.
 */
export async function lockFolder(folder: string): Promise<() => void> {
  const own = JSON.stringify({
    pid: process.pid,
    start: startTimeIn(await readProcesses(), process.pid) ?? "",
  });
  // Another process that wins the race for a stale lock is found by the next attempt.
  for (let attempt = 0; attempt < 5; attempt++) {
    if (createAtomically(folder, lockName, own)) return () => unlock(folder, own);
    const content = readLock(folder);
    if (content === undefined) continue;
    const owner = parseOwner(folder, content);
    // The processes are listed after the lock was read: a running owner is among them.
    if (startTimeIn(await readProcesses(), owner.pid) === owner.start) throw inUse(folder, owner.pid);
    breakLock(folder, content);
  }
  throw unusableStateDir(
    folder,
    "several processes try to use it at the same time",
    "Pass a different `stateDir` to each of them",
  );
}

function startTimeIn(processes: readonly HostProcessEntry[], wanted: number): string | undefined {
  return processes.find(({ pid }) => pid === wanted)?.startTime;
}

/**
 * Removes a stale lock. Puts it back if another process has replaced it: only one of two that find it stale may succeed.
 */
function breakLock(folder: string, stale: string): void {
  const aside = temporaryPath(folder);
  try {
    renameSync(`${folder}/${lockName}`, aside);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return;
    throw error;
  }
  try {
    if (readRegularFileSync(aside).toString() !== stale) linkSync(aside, `${folder}/${lockName}`);
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

function unlock(folder: string, own: string): void {
  if (readLock(folder) === own) rmSync(`${folder}/${lockName}`, { force: true });
}

function readLock(folder: string): string | undefined {
  try {
    return readRegularFileSync(`${folder}/${lockName}`).toString();
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw unusableStateDir(
      folder,
      `its lock cannot be read (${codeOf(error) ?? messageOf(error)})`,
      unlockHint(folder),
      error,
    );
  }
}

function parseOwner(folder: string, content: string): LockOwner {
  try {
    const { pid, start } = JSON.parse(content) as Partial<LockOwner>;
    if (typeof pid === "number" && typeof start === "string") return { pid, start };
  } catch {
    // Reported below.
  }
  throw unusableStateDir(folder, "its lock file is not valid", unlockHint(folder));
}

function unlockHint(folder: string): string {
  return `Remove ${folder}/${lockName} if no process uses the directory`;
}

function inUse(folder: string, pid: number): Error {
  const owner = pid === process.pid ? "this process" : `process ${pid}`;
  return unusableStateDir(
    folder,
    `it is in use by ${owner}`,
    "Close that runtime, or choose another directory",
  );
}
