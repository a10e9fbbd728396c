import type { ChildProcess } from "node:child_process";
import { constants } from "node:os";
import { PassThrough, type Readable, type Writable } from "node:stream";
import { finished } from "node:stream/promises";
import type { TerminalSize } from "../../../streaming/index.js";
import type { DriverProcess, ProcessExit } from "../driver.js";
import { sendSignal } from "./owned-processes.js";
import { TerminalInput, type TerminalResizer } from "./terminal.js";

/** The parts of a {@link HostProcess}. */
export interface HostProcessInit {
  readonly child: ChildProcess;
  readonly stdin: Writable | undefined;
  readonly stdout: Readable;
  readonly stderr: Readable | undefined;
  readonly tty: boolean;
  /** Kills the process with all its descendants. */
  readonly killAll: () => Promise<unknown>;
  /** Runs between the process's exit and the end of its streams. */
  readonly afterExit: () => Promise<unknown>;
  /** How long another process that holds an output open may be silent after this process exited, in milliseconds. */
  readonly silenceMs: number;
}

/** How to reach a command that runs on a terminal. */
export interface TerminalAccess {
  readonly pid: number;
  readonly resizer: TerminalResizer;
}

/** A process of this host. */
export class HostProcess implements DriverProcess {
  readonly stdin: Writable | undefined;
  readonly stdout: Readable;
  readonly stderr: Readable | undefined;
  readonly exit: Promise<ProcessExit>;
  readonly #child: ChildProcess;
  readonly #outputs: readonly HostOutput[];
  readonly #killAll: () => Promise<unknown>;
  #terminal: TerminalAccess | undefined;
  #isRunning = true;

  constructor({ child, stdin, stdout, stderr, tty, killAll, afterExit, silenceMs }: HostProcessInit) {
    this.#child = child;
    this.#killAll = killAll;
    const exited = new Promise<number>((resolve) => {
      child.once("exit", (code, signal) => {
        this.#isRunning = false;
        resolve(code ?? 128 + (signal ? constants.signals[signal] : 0));
      });
    });
    // Node emits an error when a signal may not be sent, to a program of another user.
    child.on("error", () => undefined);
    // Writing to a process that has closed its input is not a failure.
    stdin?.on("error", () => undefined);
    this.stdin = stdin && tty ? throughTerminalInput(stdin) : stdin;
    const [out, err] = [new HostOutput(stdout), stderr && new HostOutput(stderr)];
    this.stdout = out.stream;
    this.stderr = err?.stream;
    this.#outputs = err ? [out, err] : [out];
    this.exit = exited.then(async (exitCode) => {
      await afterExit().catch(() => undefined);
      this.stdin?.destroy();
      await Promise.all(this.#outputs.map((output) => output.endAfterSilence(silenceMs)));
      return { exitCode };
    });
  }

  /** The command's pid; on a terminal, not that of the `script` program around it. */
  get pid(): number | undefined {
    return this.#terminal?.pid ?? this.#child.pid;
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** Set as soon as the command on the terminal has been found. */
  set terminal(access: TerminalAccess) {
    this.#terminal = access;
  }

  kill(signal: NodeJS.Signals): void {
    if (!this.#isRunning) return;
    if (signal === "SIGKILL") {
      for (const pid of [this.#terminal?.pid, this.#child.pid]) if (pid) sendSignal(-pid);
      this.#killAll().catch(() => undefined);
    } else if (this.#terminal) sendSignal(this.#terminal.pid, signal);
    else this.#child.kill(signal);
  }

  resize(size: TerminalSize): void {
    if (this.#isRunning) this.#terminal?.resizer.resize(size);
  }

  /** Discards unread output. */
  discardOutput(): void {
    for (const output of this.#outputs) output.destroy();
  }
}

function throughTerminalInput(pipe: Writable): Writable {
  const input = new TerminalInput();
  input.on("error", () => undefined);
  pipe.once("close", () => input.destroy());
  input.pipe(pipe);
  input.once("close", () => {
    if (!input.writableFinished) pipe.destroy();
  });
  return input;
}

/** How often an output that outlives its process is checked for new data. */
const checkIntervalMs = 50;

/** One output of a process. It can end although another process still holds the pipe open. */
class HostOutput {
  readonly #pipe: Readable;
  readonly #stream = new PassThrough();
  /** Checks in a row without new data. */
  #quietChecks = 0;

  constructor(pipe: Readable) {
    this.#pipe = pipe;
    pipe.on("data", () => {
      this.#quietChecks = 0;
    });
    // A broken pipe counts as ended.
    pipe.once("error", () => this.#stream.end());
    pipe.pipe(this.#stream);
    this.#stream.once("close", () => pipe.destroy());
    // Ends an empty output even if it is never read.
    this.#stream.once("finish", () => {
      if (this.#stream.readableLength === 0) this.#stream.read(0);
    });
    // A reader may destroy the stream early.
    this.#stream.on("error", () => undefined);
  }

  get stream(): Readable {
    return this.#stream;
  }

  /**
   * Called when the process has exited. Resolves when the stream has ended for its reader. If another process holds the
   * pipe open, the stream is ended after `silenceMs` without data; time in which the reader is too slow does not count.
   */
  async endAfterSilence(silenceMs: number): Promise<void> {
    this.#quietChecks = 0;
    // Counts checks instead of milliseconds: between two checks, this process had time to read.
    const timer = setInterval(() => {
      this.#quietChecks = this.#stream.writableNeedDrain ? 0 : this.#quietChecks + 1;
      if (this.#quietChecks * checkIntervalMs >= silenceMs) this.#end();
    }, checkIntervalMs);
    this.#pipe.once("close", () => clearInterval(timer));
    if (this.#pipe.destroyed) clearInterval(timer);
    await finished(this.#stream, { writable: false }).catch(() => undefined);
    clearInterval(timer);
  }

  /** Ends the stream after the data that was read so far. */
  #end(): void {
    this.#pipe.unpipe(this.#stream);
    this.#pipe.destroy();
    this.#stream.end();
  }

  /** Discards all data. */
  destroy(): void {
    this.#pipe.destroy();
    this.#stream.destroy();
  }
}
