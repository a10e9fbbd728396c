import { type ChildProcess, fork, spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** A child process that sends one message when it is ready, and then one response per message. */
export class Child {
  readonly #process: ChildProcess;
  readonly #events: EventEmitter;
  readonly #send: (message: object) => void;

  private constructor(process: ChildProcess, events: EventEmitter, send: (message: object) => void) {
    this.#process = process;
    this.#events = events;
    this.#send = send;
  }

  /** Starts a compiled file of this folder; resolves when it is ready. */
  static start(file: string, args: readonly string[]): Promise<Child> {
    const path = fileURLToPath(new URL(`../.cache/bench/${file}`, import.meta.url));
    const child = fork(path, args, { execArgv: ["--expose-gc"] });
    return Child.#ready(new Child(child, child, (message) => child.send(message)));
  }

  /** Starts a program whose messages are lines of JSON on stdin and stdout; resolves when it is ready. It ends with its stdin. */
  static startProgram(path: string, args: readonly string[]): Promise<Child> {
    const child = spawn(path, args, { stdio: ["pipe", "pipe", "inherit"] });
    const events = new EventEmitter();
    createInterface(child.stdout).on("line", (line) => events.emit("message", JSON.parse(line)));
    for (const event of ["exit", "error"]) child.on(event, (value) => events.emit(event, value));
    // A program that has ended is reported by its exit.
    child.stdin.on("error", () => undefined);
    return Child.#ready(
      new Child(child, events, (message) => child.stdin.write(`${JSON.stringify(message)}\n`)),
    );
  }

  static async #ready(child: Child): Promise<Child> {
    await child.#answer();
    return child;
  }

  ask(message: object): Promise<unknown> {
    const answer = this.#answer();
    this.#send(message);
    return answer;
  }

  end(): void {
    this.#process.kill();
  }

  /** The resident memory of the process, in bytes. */
  residentBytes(): number {
    return this.#memory("VmRSS");
  }

  /** The most resident memory since the last {@link resetPeak}, in bytes. */
  peakBytes(): number {
    return this.#memory("VmHWM");
  }

  resetPeak(): void {
    writeFileSync(`/proc/${this.#process.pid}/clear_refs`, "5");
  }

  #memory(field: string): number {
    const status = readFileSync(`/proc/${this.#process.pid}/status`, "latin1");
    return Number(new RegExp(`^${field}:\\s*(\\d+) kB`, "m").exec(status)?.[1]) * 1_024;
  }

  async #answer(): Promise<unknown> {
    const ended = new AbortController();
    const { signal } = ended;
    try {
      return await Promise.race([
        once(this.#events, "message", { signal }).then(([message]: unknown[]) => message),
        once(this.#events, "exit", { signal }).then(([code]: unknown[]) => {
          throw new Error(`${this.#process.spawnargs.join(" ")} ended with ${code}`);
        }),
      ]);
    } finally {
      ended.abort();
    }
  }
}
