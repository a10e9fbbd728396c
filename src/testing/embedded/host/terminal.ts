// Pseudo-terminals, by the program `script` of util-linux: Node cannot create them itself.
import { execFile } from "node:child_process";
import { Transform, type TransformCallback } from "node:stream";
import { promisify } from "node:util";
import { sleep } from "../../../core/index.js";
import type { TerminalSize } from "../../../streaming/index.js";
import { wrongState } from "./errors.js";
import { type HostProcessEntry, readProcesses } from "./process-table.js";
import { findProgram } from "./program.js";

const run = promisify(execFile);

/** A command line that runs another command on a terminal. */
export interface TerminalCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Wraps a command so that it runs on a pseudo-terminal. `script` creates the terminal, runs the command on it with a shell,
 * copies its output, and exits with its exit code. Rejects with `wrong_state` where `script` is not installed.
 */
export async function wrapInTerminal(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  size: TerminalSize | undefined,
): Promise<TerminalCommand> {
  script ??= findScript();
  const { file, hasEchoOption } = await script;
  const { SHELL, ...rest } = env;
  // A shell drops variables whose names are not identifiers; `env` sets them again.
  const unusual = Object.entries(env).filter(([name]) => !/^[A-Za-z_]\w*$/.test(name));
  const words =
    unusual.length > 0 ? ["env", ...unusual.map(([name, value]) => `${name}=${value}`), ...args] : args;
  const command = [
    SHELL === undefined ? "unset SHELL" : `SHELL=${quote(SHELL)}`,
    ...(hasEchoOption ? [] : ["stty echo"]),
    // Before the command starts: it may read the size only once.
    ...(size ? [`stty rows ${size.rows} cols ${size.columns}`] : []),
    `exec ${words.map(quote).join(" ")}`,
  ].join("; ");
  const options = ["-qef", ...(hasEchoOption ? ["-E", "always"] : []), "-c", command, "/dev/null"];
  // `script` runs the command with the shell in SHELL, and the command above is written for /bin/sh.
  return { file, args: options, env: { ...rest, SHELL: "/bin/sh" } };
}

/** Quotes a word for a shell. */
function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

interface Script {
  readonly file: string;
  /** Whether it has the option `--echo`. Without it, the terminal does not echo input that comes from a pipe. */
  readonly hasEchoOption: boolean;
}

let script: Promise<Script> | undefined;

async function findScript(): Promise<Script> {
  try {
    const file = await findProgram("script", process.env.PATH ?? "", "/", "");
    const { stdout } = await run(file, ["--version"], { timeout: 5_000, env: { LC_ALL: "C" } });
    const [, major, minor] = /util-linux (\d+)\.(\d+)/.exec(stdout) ?? [];
    if (major === undefined) throw new Error("not the script of util-linux");
    return { file, hasEchoOption: Number(major) * 1000 + Number(minor) >= 2036 };
  } catch {
    // The next attempt searches again: the program may be installed meanwhile.
    script = undefined;
    throw wrongState(
      'tty: the program "script" of util-linux is not installed on this host',
      "Install it (Debian and Ubuntu: the package bsdutils; others: util-linux), or pass `tty: false`",
    );
  }
}

/** How long the wrapped command may take to start. */
const startTimeoutMs = 2_000;

/** Finds the process of the wrapped command once it has its terminal; undefined when it exited before it was found. */
export async function findTerminalCommand(
  scriptPid: number,
  isRunning: () => boolean,
): Promise<HostProcessEntry | undefined> {
  const until = performance.now() + startTimeoutMs;
  while (isRunning() && performance.now() < until) {
    const child = (await readProcesses()).find(
      ({ parentPid, terminal }) => parentPid === scriptPid && terminal,
    );
    if (child) return child;
    await sleep(3);
  }
  return undefined;
}

/** Resizes a terminal, one request at a time. Of several pending requests, only the latest is applied. */
export class TerminalResizer {
  readonly #terminal: string;
  #pending: TerminalSize | undefined;
  #isWorking = false;

  constructor(terminal: string) {
    this.#terminal = terminal;
  }

  resize(size: TerminalSize): void {
    this.#pending = size;
    if (!this.#isWorking) void this.#work();
  }

  async #work(): Promise<void> {
    this.#isWorking = true;
    for (let size = this.#pending; size; size = this.#pending) {
      this.#pending = undefined;
      const args = ["-F", this.#terminal, "rows", `${size.rows}`, "cols", `${size.columns}`];
      // The kernel then sends SIGWINCH to the command. This fails only for a terminal that was closed.
      await run("stty", args, { timeout: 2_000 }).catch(() => undefined);
    }
    this.#isWorking = false;
  }
}

const newline = 10;
const endOfTransmission = Buffer.from([4]);

/**
 * The input of a command on a terminal. When the input ends, `script` sends one ^D, and a terminal treats ^D as the end of
 * input only at the beginning of a line. After an incomplete line this stream sends another one.
 */
export class TerminalInput extends Transform {
  #isMidLine = false;

  override _transform(chunk: Buffer, _encoding: string, done: TransformCallback): void {
    if (chunk.byteLength > 0) this.#isMidLine = chunk[chunk.byteLength - 1] !== newline;
    done(null, chunk);
  }

  override _flush(done: TransformCallback): void {
    done(null, this.#isMidLine ? endOfTransmission : undefined);
  }
}
