import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { sleep } from "../../../core/index.js";
import type { TerminalSize } from "../../../streaming/index.js";
import { wrongState } from "./failures.js";
import { type HostProcessEntry, readProcesses } from "./process-table.js";
import { findProgram } from "./program.js";

const run = promisify(execFile);

/** A command on a terminal, as a command without one. */
export interface TerminalCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Wraps a command so that it gets a pseudo-terminal: `script` of util-linux makes one, runs the command on it with a
 * shell, copies what it writes, and ends with its exit code.
 */
export async function onTerminal(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  size: TerminalSize | undefined,
): Promise<TerminalCommand> {
  script ??= findScript();
  const { file, echo } = await script;
  const { SHELL, ...rest } = env;
  // A shell leaves out variables whose names it cannot spell; env does not.
  const odd = Object.entries(env).filter(([name]) => !/^[A-Za-z_]\w*$/.test(name));
  const words = odd.length > 0 ? ["env", ...odd.map(([name, value]) => `${name}=${value}`), ...args] : args;
  const command = [
    SHELL === undefined ? "unset SHELL" : `SHELL=${quote(SHELL)}`,
    ...(echo ? [] : ["stty echo"]),
    // Before the command begins, which may look at it only then.
    ...(size ? [`stty rows ${size.rows} cols ${size.columns}`] : []),
    `exec ${words.map(quote).join(" ")}`,
  ].join("; ");
  const options = ["-qef", ...(echo ? ["-E", "always"] : []), "-c", command, "/dev/null"];
  // The shell that script runs is told by this variable, and the command above is written for this one.
  return { file, args: options, env: { ...rest, SHELL: "/bin/sh" } };
}

/** A word of a shell's command that stands for exactly this text. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

interface Script {
  readonly file: string;
  /** Whether it can be told to have the terminal echo what is typed, which it does not when its own input is none. */
  readonly echo: boolean;
}

let script: Promise<Script> | undefined;

async function findScript(): Promise<Script> {
  try {
    const file = await findProgram("script", process.env.PATH ?? "", "/", "");
    const { stdout } = await run(file, ["--version"], { timeout: 5_000, env: { LC_ALL: "C" } });
    const [, major, minor] = /util-linux (\d+)\.(\d+)/.exec(stdout) ?? [];
    if (major === undefined) throw new Error("another script");
    return { file, echo: Number(major) * 1000 + Number(minor) >= 2036 };
  } catch {
    // It may be installed before the next attempt.
    script = undefined;
    throw wrongState(
      'a terminal needs the program "script" of util-linux, which this host does not have',
      "Install it (the package util-linux, on Debian from 13 on and Ubuntu bsdutils), or run without tty",
    );
  }
}

/** How long the command's process may take to be there. */
const startWithinMs = 2_000;

/** The process of the command, once it has its terminal; undefined when it ended before it was seen. */
export async function findOnTerminal(
  scriptPid: number,
  running: () => boolean,
): Promise<HostProcessEntry | undefined> {
  const until = performance.now() + startWithinMs;
  while (running() && performance.now() < until) {
    const child = (await readProcesses()).find(({ parent, terminal }) => parent === scriptPid && terminal);
    if (child) return child;
    await sleep(3);
  }
  return undefined;
}

/** Tells terminals their size, one after the other; of several that wait, only the last counts. */
export class TerminalSizer {
  readonly #terminal: string;
  #wanted: TerminalSize | undefined;
  #working = false;

  constructor(terminal: string) {
    this.#terminal = terminal;
  }

  resize(size: TerminalSize): void {
    this.#wanted = size;
    if (!this.#working) void this.#work();
  }

  async #work(): Promise<void> {
    this.#working = true;
    for (let size = this.#wanted; size; size = this.#wanted) {
      this.#wanted = undefined;
      const args = ["-F", this.#terminal, "rows", `${size.rows}`, "cols", `${size.columns}`];
      // The kernel then tells the command with SIGWINCH. A terminal that is gone needs no size.
      await run("stty", args, { timeout: 2_000 }).catch(() => undefined);
    }
    this.#working = false;
  }
}
