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

const stateFile = "cri-sdk-run.json";
const tempPrefix = "cri-rt-";

/** Who made a run folder. The start time tells the process from a later one with the same pid. */
export interface RunOwner {
  readonly pid: number;
  readonly startTicks: string;
}

/** Makes the folder of a new run, marked as ours from the first moment on. */
export function createRunFolder(dir?: string): string {
  const folder = dir === undefined ? mkdtempSync(join(realpathSync(tmpdir()), tempPrefix)) : resolve(dir);
  mkdirSync(folder, { recursive: true });
  const real = realpathSync(folder);
  if (readdirSync(real).length > 0)
    throw new Error(`${real} is not empty; take an earlier run down or choose another folder`);
  const owner: RunOwner = { pid: process.pid, startTicks: startTicks(process.pid) ?? "" };
  writeFileSync(join(real, stateFile), JSON.stringify(owner));
  return real;
}

/** Whether a folder was made by {@link createRunFolder}; only such folders are ever deleted. */
export function isRunFolder(dir: string): boolean {
  return existsSync(join(dir, stateFile));
}

/** Deletes a run folder, its mark last: an interrupted removal can be repeated. */
export function removeRunFolder(dir: string): void {
  for (const name of readdirSync(dir)) {
    if (name !== stateFile) rmSync(join(dir, name), { recursive: true, force: true, maxRetries: 3 });
  }
  rmSync(dir, { recursive: true, force: true });
}

/** The process that made the folder, if it still lives. */
export function livingOwner(dir: string): RunOwner | undefined {
  try {
    const owner = JSON.parse(readFileSync(join(dir, stateFile), "utf8")) as RunOwner;
    return startTicks(owner.pid) === owner.startTicks ? owner : undefined;
  } catch {
    return undefined;
  }
}

/** Every run folder under the temp prefix. */
export function tempRunFolders(): string[] {
  const temp = realpathSync(tmpdir());
  const names = readdirSync(temp).filter((name) => name.startsWith(tempPrefix));
  return names.map((name) => join(temp, name)).filter(isRunFolder);
}

/** When a process started, in clock ticks since boot; `undefined` if there is none. */
function startTicks(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name in parentheses may hold spaces; the state and the rest follow the last parenthesis.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? undefined : fields[19];
  } catch {
    return undefined;
  }
}
