import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import type { StartedSession } from "./belonging.js";
import { systemCode } from "./failures.js";
import { bootName } from "./proc-table.js";

const sessionName = /^(\d+)\.(\d+)\.([\w-]+)$/;
const launchName = /^(\d+)\.launch\.(\w+)\.([\d-]+)$/;

/**
 * The sessions that were started in a container, each a file whose name says it all, so that they are found again after
 * this process was killed.
 */
export class SessionRecords {
  readonly #folder: string;
  readonly #markerOfContainer: string;
  readonly #sessions = new Map<string, StartedSession>();
  /** Of launches that were cut short: the marker, by the number of a pipe. */
  readonly launchedPipes = new Map<string, string>();

  /** `markerOfContainer` ends in a slash. */
  constructor(folder: string, markerOfContainer: string) {
    this.#folder = folder;
    this.#markerOfContainer = markerOfContainer;
  }

  get all(): StartedSession[] {
    return [...this.#sessions.values()];
  }

  makeFolder(): void {
    mkdirSync(this.#folder, { mode: 0o700 });
  }

  /** Reads what an earlier process recorded. */
  load(): void {
    let names: string[] = [];
    try {
      names = readdirSync(this.#folder);
    } catch (error) {
      // A container that was being made, or a folder that was damaged: nothing was recorded.
      if (!["ENOENT", "ENOTDIR"].includes(systemCode(error) ?? "")) throw error;
    }
    for (const name of names) {
      const [, number = "", pid = "", start = ""] = sessionName.exec(name) ?? [];
      if (number) this.#sessions.set(name, { pid: Number(pid), start, marker: this.#marker(number) });
      const [, launch = "", boot, pipes = ""] = launchName.exec(name) ?? [];
      // Numbers of pipes begin again when the host does.
      if (launch && boot === bootName())
        for (const pipe of pipes.split("-")) this.launchedPipes.set(pipe, this.#marker(launch));
    }
  }

  /** Records that a process is about to be started with these pipes; what is given forgets it. */
  expect(number: number, pipes: readonly number[]): () => void {
    if (pipes.length === 0) return () => undefined;
    const path = `${this.#folder}/${number}.launch.${bootName()}.${pipes.join("-")}`;
    writeFileSync(path, "", { mode: 0o600 });
    return () => rmSync(path, { force: true });
  }

  /** Records a session; what is given forgets it, unless somebody of it lives on. */
  add(number: number, pid: number, start: string): () => void {
    const name = `${number}.${pid}.${start}`;
    this.#sessions.set(name, { pid, start, marker: this.#marker(`${number}`) });
    try {
      writeFileSync(`${this.#folder}/${name}`, "", { mode: 0o600 });
    } catch {
      // The process runs, and nearly always its marker is enough to find it.
    }
    return () => {
      if (groupLives(pid)) return;
      this.#sessions.delete(name);
      rmSync(`${this.#folder}/${name}`, { force: true });
    };
  }

  #marker(number: string): string {
    return `${this.#markerOfContainer}${number}/`;
  }
}

function groupLives(pid: number): boolean {
  try {
    process.kill(-pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === "EPERM";
  }
}
