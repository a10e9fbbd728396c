import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import type { StartedSession } from "./belonging.js";
import { systemCode } from "./failures.js";

const fileName = /^(\d+)\.(\d+)\.([\w-]+)$/;

/**
 * The sessions that were started in a container, each a file whose name says it all, so that they are found again after
 * this process was killed.
 */
export class SessionRecords {
  readonly #folder: string;
  readonly #markerOfContainer: string;
  readonly #sessions = new Map<string, StartedSession>();

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
      const [, number = "", pid = "", start = ""] = fileName.exec(name) ?? [];
      if (number) this.#remember(name, { pid: Number(pid), start, marker: this.#marker(number) });
    }
  }

  /** Records a session; what is given forgets it, unless somebody of it lives on. */
  add(number: number, pid: number, start: string): () => void {
    const name = `${number}.${pid}.${start}`;
    this.#remember(name, { pid, start, marker: this.#marker(`${number}`) });
    writeFileSync(`${this.#folder}/${name}`, "", { mode: 0o600 });
    return () => {
      if (groupLives(pid)) return;
      this.#sessions.delete(name);
      rmSync(`${this.#folder}/${name}`, { force: true });
    };
  }

  #remember(name: string, session: StartedSession): void {
    this.#sessions.set(name, session);
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
