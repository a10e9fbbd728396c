import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { readProcStat } from "../../src/core/index.js";

const stateFile = "cri-sdk-run.json";
const tempPrefix = "cri-rt-";

/** The process that created a run folder. The start time distinguishes it from a later process with the same pid. */
export interface RunOwner {
  readonly pid: number;
  readonly startTicks: string;
}

/** Creates the folder of a new run and its marker file. */
export function createRunFolder(dir?: string): string {
  const folder = dir === undefined ? mkdtempSync(join(realpathSync(tmpdir()), tempPrefix)) : resolve(dir);
  mkdirSync(folder, { recursive: true });
  const real = realpathSync(folder);
  if (readdirSync(real).length > 0)
    throw new Error(`${real}: the folder is not empty. Take the earlier run down or choose another folder`);
  const owner: RunOwner = { pid: process.pid, startTicks: startTicks(process.pid) ?? "" };
  writeFileSync(join(real, stateFile), JSON.stringify(owner));
  return real;
}

/** Returns whether {@link createRunFolder} created a folder; only such folders are deleted. */
export function isRunFolder(dir: string): boolean {
  return existsSync(join(dir, stateFile));
}

/** Deletes a run folder, its marker file last, so that an interrupted removal can be repeated. */
export function removeRunFolder(dir: string): void {
  for (const name of readdirSync(dir)) {
    if (name !== stateFile) rmSync(join(dir, name), { recursive: true, force: true, maxRetries: 3 });
  }
  rmSync(dir, { recursive: true, force: true });
}

/** Returns the process that created the folder, if it is still running. */
export function runningOwner(dir: string): RunOwner | undefined {
  try {
    const owner = JSON.parse(readFileSync(join(dir, stateFile), "utf8")) as RunOwner;
    return startTicks(owner.pid) === owner.startTicks ? owner : undefined;
  } catch {
    return undefined;
  }
}

/** Returns all run folders in the temp folder. */
export function tempRunFolders(): string[] {
  const temp = realpathSync(tmpdir());
  const names = readdirSync(temp).filter((name) => name.startsWith(tempPrefix));
  return names.map((name) => join(temp, name)).filter(isRunFolder);
}

/** Returns the start time of a process in clock ticks since boot; `undefined` if it does not exist or has ended. */
function startTicks(pid: number): string | undefined {
  const stat = readProcStat(pid);
  return stat?.state === "Z" ? undefined : stat?.startTime;
}
