import { linkSync, readFileSync, renameSync, rmSync } from "node:fs";
import { createWhole, temporaryIn } from "./atomic-file.js";
import { systemCode, unusableFolder } from "./failures.js";
import { type HostProcessEntry, readProcesses } from "./process-table.js";

export const lockName = "cri-sdk.lock";

interface Owner {
  readonly pid: number;
  readonly start: string;
}

/**
 * Makes a folder this process's own, and gives what lets go of it. A lock whose owner has ended, or whose pid another
 * process has by now, is taken over.
 */
export async function lockFolder(folder: string): Promise<() => void> {
  const mine = JSON.stringify({ pid: process.pid, start: startOf(process.pid, await readProcesses()) ?? "" });
  // Whoever is faster is found in the next round; more than a few of them means that they are many.
  for (let attempt = 0; attempt < 5; attempt++) {
    if (createWhole(folder, lockName, mine)) return () => unlock(folder, mine);
    const text = readLock(folder);
    if (text === undefined) continue;
    const owner = parseOwner(folder, text);
    // Read after the lock: an owner that lives is among them.
    if (startOf(owner.pid, await readProcesses()) === owner.start) throw inUse(folder, owner.pid);
    breakLock(folder, text);
  }
  throw unusableFolder(folder, "several processes want it at once", "Give each of them a folder of its own");
}

function startOf(wanted: number, processes: readonly HostProcessEntry[]): string | undefined {
  return processes.find(({ pid }) => pid === wanted)?.start;
}

/** Takes away a lock, unless it is another one by now: two that find a stale one must not both succeed. */
function breakLock(folder: string, stale: string): void {
  const aside = temporaryIn(folder);
  try {
    renameSync(`${folder}/${lockName}`, aside);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return;
    throw error;
  }
  try {
    if (readFileSync(aside, "utf8") !== stale) linkSync(aside, `${folder}/${lockName}`);
  } catch (error) {
    if (systemCode(error) !== "EEXIST") throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

function unlock(folder: string, mine: string): void {
  if (readLock(folder) === mine) rmSync(`${folder}/${lockName}`, { force: true });
}

function readLock(folder: string): string | undefined {
  try {
    return readFileSync(`${folder}/${lockName}`, "utf8");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    const hint = `Remove ${folder}/${lockName}, if nothing uses the folder`;
    throw unusableFolder(folder, `its lock cannot be read (${systemCode(error)})`, hint, error);
  }
}

function parseOwner(folder: string, text: string): Owner {
  try {
    const { pid, start } = JSON.parse(text) as Partial<Owner>;
    if (typeof pid === "number" && typeof start === "string") return { pid, start };
  } catch {
    // Told below.
  }
  const hint = `Remove ${folder}/${lockName}, if nothing uses the folder`;
  throw unusableFolder(folder, "its lock is broken", hint);
}

function inUse(folder: string, pid: number): Error {
  const who = pid === process.pid ? "this process" : `the process ${pid}`;
  return unusableFolder(folder, `it is in use by ${who}`, "Close that one first, or choose another folder");
}
