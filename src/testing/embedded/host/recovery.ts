// How a driver finds and kills the processes that an earlier driver on the same state directory left running.
import { mkdirSync, readdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { codeOf } from "../../../core/index.js";
import { removeTree } from "./container-folder.js";
import { unusableStateDir } from "./errors.js";
import { killOwned, type StartedSession } from "./owned-processes.js";
import { bootId, type HostProcessEntry, readProcesses } from "./process-table.js";
import type { StateFolder } from "./state-folder.js";

const sessionFile = /^(\d+)\.(\d+)\.([\w-]+)$/;
const launchFile = /^(\d+)\.launch\.(\w+)\.([\d-]+)$/;

/**
 * The sessions that were started in a container. Each is an empty file whose name is the record, so that records survive a
 * crash.
 */
export class SessionRecords {
  readonly #folder: string;
  readonly #containerMarker: string;
  readonly #sessions = new Map<string, StartedSession>();
  /** Maps the inode of each pipe of an interrupted launch to the marker of its process. */
  readonly launchedPipes = new Map<string, string>();

  /** `containerMarker` ends with a slash. */
  constructor(folder: string, containerMarker: string) {
    this.#folder = folder;
    this.#containerMarker = containerMarker;
  }

  get all(): StartedSession[] {
    return [...this.#sessions.values()];
  }

  makeFolder(): void {
    mkdirSync(this.#folder, { mode: 0o700 });
  }

  /** Loads the records of an earlier driver. */
  load(): void {
    let names: string[] = [];
    try {
      names = readdirSync(this.#folder);
    } catch (error) {
      // The container was still being created, or the folder is damaged: there are no records.
      if (!["ENOENT", "ENOTDIR"].includes(codeOf(error) ?? "")) throw error;
    }
    for (const name of names) {
      const [, number = "", pid = "", startTime = ""] = sessionFile.exec(name) ?? [];
      if (number) this.#sessions.set(name, { pid: Number(pid), startTime, marker: this.#marker(number) });
      const [, launch = "", boot, pipes = ""] = launchFile.exec(name) ?? [];
      // Inodes of pipes are reused after a reboot.
      if (launch && boot === bootId())
        for (const pipe of pipes.split("-")) this.launchedPipes.set(pipe, this.#marker(launch));
    }
  }

  /** Records that a process with these output pipes is about to be started. Returns a function that deletes the record. */
  addLaunch(number: number, pipeInodes: readonly number[]): () => void {
    if (pipeInodes.length === 0) return () => undefined;
    const path = `${this.#folder}/${number}.launch.${bootId()}.${pipeInodes.join("-")}`;
    writeFileSync(path, "", { mode: 0o600 });
    return () => rmSync(path, { force: true });
  }

  /** Records a session. Returns a function that deletes the record, unless processes of the session are still running. */
  add(number: number, pid: number, startTime: string): () => void {
    const name = `${number}.${pid}.${startTime}`;
    this.#sessions.set(name, { pid, startTime, marker: this.#marker(`${number}`) });
    try {
      writeFileSync(`${this.#folder}/${name}`, "", { mode: 0o600 });
    } catch {
      // The process is running already, and its marker is nearly always enough to find it.
    }
    return () => {
      if (isGroupRunning(pid)) return;
      this.#sessions.delete(name);
      rmSync(`${this.#folder}/${name}`, { force: true });
    };
  }

  #marker(number: string): string {
    return `${this.#containerMarker}${number}/`;
  }
}

function isGroupRunning(pid: number): boolean {
  try {
    process.kill(-pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === "EPERM";
  }
}

/** Kills the processes of the folder's previous owner, and then removes its container folders. */
export async function recover(folder: StateFolder): Promise<void> {
  const names = await readdir(folder.containers);
  const sessions: StartedSession[] = [];
  const pipes = new Map<string, string>();
  for (const name of names) {
    const records = new SessionRecords(`${folder.containers}/${name}/sessions`, `${folder.id}/${name}/`);
    records.load();
    sessions.push(...records.all);
    for (const [pipe, marker] of records.launchedPipes) pipes.set(pipe, marker);
  }
  if (pipes.size > 0) sessions.push(...sessionsWritingTo(pipes, await readProcesses()));
  const remaining = await killOwned(() => ({ marker: `${folder.id}/`, sessions }));
  if (remaining.length > 0)
    throw unusableStateDir(
      folder.path,
      `processes of an earlier runtime do not end after SIGKILL: ${remaining.slice(0, 5).join(", ")}`,
      "Retry after they have ended, or choose another directory",
    );
  for (const name of names) await removeTree(`${folder.containers}/${name}`);
}

/**
 * Finds the sessions of processes whose stdout or stderr is one of these pipes. That is how a process is found that was
 * started just before its driver was killed and cleared its environment at once.
 */
function sessionsWritingTo(
  pipes: ReadonlyMap<string, string>,
  table: readonly HostProcessEntry[],
): StartedSession[] {
  const startTimes = new Map(table.map(({ pid, startTime }) => [pid, startTime]));
  return table.flatMap(({ pid, sessionId }) => {
    const marker = pipes.get(pipeInode(pid, 1)) ?? pipes.get(pipeInode(pid, 2));
    if (marker === undefined) return [];
    return { pid: sessionId, startTime: startTimes.get(sessionId) ?? "ended", marker };
  });
}

function pipeInode(pid: number, descriptor: number): string {
  try {
    return /^pipe:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${descriptor}`))?.[1] ?? "";
  } catch {
    // The process ended, or belongs to another user.
    return "";
  }
}
