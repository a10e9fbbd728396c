import type { ChildProcess } from "node:child_process";
import { constants } from "node:os";
import type { Readable, Writable } from "node:stream";
import type { TerminalSize } from "../../../streaming/index.js";
import type { DriverProcess, ProcessExit } from "../driver.js";
import { Output } from "./output.js";
import { killNow } from "./sweep.js";
import type { TerminalSizer } from "./terminal.js";
import { TerminalInput } from "./terminal-input.js";

/** What a process is made of. */
export interface HostProcessInit {
  readonly child: ChildProcess;
  readonly stdin: Writable | undefined;
  readonly stdout: Readable;
  readonly stderr: Readable | undefined;
  readonly tty: boolean;
  /** Ends what the process started. */
  readonly killAll: () => Promise<unknown>;
  /** What happens between the process's end and that of its streams. */
  readonly afterEnd: () => Promise<unknown>;
  /** How long another process that holds an output may be silent, once this one has ended. */
  readonly silenceMs: number;
}

/** What a process on a terminal is reached by. */
export interface TerminalAccess {
  readonly pid: number;
  readonly sizer: TerminalSizer;
}

/** A process of this host. */
export class HostProcess implements DriverProcess {
  readonly stdin: Writable | undefined;
  readonly stdout: Readable;
  readonly stderr: Readable | undefined;
  readonly exit: Promise<ProcessExit>;
  readonly #child: ChildProcess;
  readonly #outputs: readonly Output[];
  readonly #killAll: () => Promise<unknown>;
  #terminal: TerminalAccess | undefined;
  #running = true;

  constructor({ child, stdin, stdout, stderr, tty, killAll, afterEnd, silenceMs }: HostProcessInit) {
    this.#child = child;
    this.#killAll = killAll;
    const ended = new Promise<number>((resolve) => {
      child.once("exit", (code, signal) => {
        this.#running = false;
        resolve(code ?? 128 + (signal ? constants.signals[signal] : 0));
      });
    });
    // A signal that may not be sent, to a program that became another user: nothing to end this process for.
    child.on("error", () => undefined);
    // What is sent to a process that has closed its input goes nowhere; that is no news to anybody.
    stdin?.on("error", () => undefined);
    this.stdin = stdin && tty ? typedAt(stdin) : stdin;
    const [out, err] = [new Output(stdout), stderr && new Output(stderr)];
    this.stdout = out.stream;
    this.stderr = err?.stream;
    this.#outputs = err ? [out, err] : [out];
    this.exit = ended.then(async (exitCode) => {
      await afterEnd().catch(() => undefined);
      this.stdin?.destroy();
      await Promise.all(this.#outputs.map((output) => output.afterEnd(silenceMs)));
      return { exitCode };
    });
  }

  /** That of the command, also where something else runs it on a terminal. */
  get pid(): number | undefined {
    return this.#terminal?.pid ?? this.#child.pid;
  }

  get running(): boolean {
    return this.#running;
  }

  /** Tells of the command on a terminal, once it is known. */
  set terminal(access: TerminalAccess) {
    this.#terminal = access;
  }

  kill(signal: NodeJS.Signals): void {
    if (!this.#running) return;
    if (signal === "SIGKILL") {
      for (const pid of [this.#terminal?.pid, this.#child.pid]) if (pid) killNow(-pid);
      this.#killAll().catch(() => undefined);
    } else if (this.#terminal) killNow(this.#terminal.pid, signal);
    else this.#child.kill(signal);
  }

  resize(size: TerminalSize): void {
    if (this.#running) this.#terminal?.sizer.resize(size);
  }

  /** Gives up outputs that nobody reads. */
  abandon(): void {
    for (const output of this.#outputs) output.destroy();
  }
}

function typedAt(pipe: Writable): Writable {
  const input = new TerminalInput();
  input.on("error", () => undefined);
  pipe.once("close", () => input.destroy());
  input.pipe(pipe);
  input.once("close", () => {
    if (!input.writableFinished) pipe.destroy();
  });
  return input;
}
