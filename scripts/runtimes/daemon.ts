import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { waitFor } from "./wait.js";

/** The variable every process of a run inherits; its value is the run's folder. This is how takedown finds them. */
export const folderVariable = "CRI_SDK_RUNTIMES_DIR";

/** A long-running program started by this process. */
export interface Daemon {
  readonly pid: number;
  isAlive(): boolean;
  /** SIGTERM, then SIGKILL if it still lives after `graceMs` (default 10 000). Fine to call on a dead one. */
  end(graceMs?: number): Promise<void>;
  /** SIGKILL, and waits until it is gone. */
  kill(): Promise<void>;
}

/** What to start. */
export interface DaemonOptions {
  readonly file: string;
  readonly args: readonly string[];
  /** The folder of the run that this process belongs to. */
  readonly runDir: string;
  /** Both outputs are appended to this file. */
  readonly logPath: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts a program in a session of its own, so that a Ctrl-C meant for the caller does not reach it. */
export async function startDaemon({ file, args, runDir, logPath, env }: DaemonOptions): Promise<Daemon> {
  const log = openSync(logPath, "a");
  let child: ChildProcess;
  try {
    child = spawn(file, [...args], {
      cwd: runDir,
      detached: true,
      stdio: ["ignore", log, log],
      env: { ...process.env, ...env, [folderVariable]: runDir },
    });
    await new Promise((resolve, reject) => child.once("spawn", resolve).once("error", reject));
  } finally {
    closeSync(log);
  }
  child.unref();
  const { pid } = child;
  if (pid === undefined) throw new Error(`${file} has no pid`);
  const isAlive = (): boolean => child.exitCode === null && child.signalCode === null;
  const gone = (): true | undefined => (isAlive() ? undefined : true);
  const kill = async (): Promise<void> => {
    if (isAlive()) child.kill("SIGKILL");
    await waitFor(`the end of ${file} (${pid})`, 10_000, gone);
  };
  return {
    pid,
    isAlive,
    kill,
    async end(graceMs = 10_000) {
      if (isAlive()) child.kill("SIGTERM");
      await waitFor(`the end of ${file} (${pid})`, graceMs, gone).catch(kill);
    },
  };
}

/** The last lines of a log file, for an error message. */
export function lastLines(path: string, count = 15): string {
  if (!existsSync(path)) return `(no log at ${path})`;
  return readFileSync(path, "utf8").trimEnd().split("\n").slice(-count).join("\n");
}
