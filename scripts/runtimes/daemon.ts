import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { waitFor } from "./wait.js";

/** The environment variable that all processes of a run inherit: the run's folder. Takedown finds them by it. */
export const folderVariable = "CRI_SDK_RUNTIMES_DIR";

/** A long-running program started by this process. */
export interface Daemon {
  readonly pid: number;
  isAlive(): boolean;
  /** Sends SIGTERM, then SIGKILL after `graceMs` (default 10 000). Does nothing after the exit. */
  end(graceMs?: number): Promise<void>;
  /** Sends SIGKILL and waits for the exit. */
  kill(): Promise<void>;
}

/** Options of {@link startDaemon}. */
export interface DaemonOptions {
  readonly file: string;
  readonly args: readonly string[];
  /** The folder of the process's run. */
  readonly runDir: string;
  /** The file to which stdout and stderr are appended. */
  readonly logPath: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The working directory; default: {@link runDir}. */
  readonly cwd?: string;
}

/** Starts a program in a new session, so that a Ctrl-C for the caller does not reach it. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { file, args, runDir, logPath, env, cwd = runDir } = options;
  const log = openSync(logPath, "a");
  let child: ChildProcess;
  try {
    child = spawn(file, [...args], {
      cwd,
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
  if (pid === undefined) throw new Error(`${file}: started without a pid`);
  const isAlive = (): boolean => child.exitCode === null && child.signalCode === null;
  const exited = (): true | undefined => (isAlive() ? undefined : true);
  const kill = async (): Promise<void> => {
    if (isAlive()) child.kill("SIGKILL");
    await waitFor(`exit of ${file} (${pid})`, 10_000, exited);
  };
  return {
    pid,
    isAlive,
    kill,
    async end(graceMs = 10_000) {
      if (isAlive()) child.kill("SIGTERM");
      await waitFor(`exit of ${file} (${pid})`, graceMs, exited).catch(kill);
    },
  };
}

/** Returns a PATH of these folders, then those of this process, then the folders of root's programs. */
export function programPath(...folders: readonly string[]): string {
  return [...folders, process.env.PATH ?? "", "/usr/sbin", "/sbin"].join(":");
}

/** Throws if a path is too long for a socket. */
export function checkSocketPath(path: string): void {
  if (Buffer.byteLength(path) > 107)
    throw new Error(`${path}: socket path is longer than 107 bytes. Pass a shorter dir`);
}

/** Returns the last lines of a log file, for an error message. */
export function lastLines(path: string, count = 15): string {
  if (!existsSync(path)) return `(no log at ${path})`;
  return readFileSync(path, "utf8").trimEnd().split("\n").slice(-count).join("\n");
}
