import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** A process of ours that says "ready" first, and then answers each message with one. */
export class Child {
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess) {
    this.#process = process;
  }

  /** Starts a compiled file of this folder in plain node; resolves when it is ready. */
  static async start(file: string, args: readonly string[]): Promise<Child> {
    const path = fileURLToPath(new URL(`../.cache/bench/${file}`, import.meta.url));
    const child = new Child(fork(path, args, { execArgv: [] }));
    await child.#answer();
    return child;
  }

  ask(message: object): Promise<unknown> {
    this.#process.send(message);
    return this.#answer();
  }

  end(): void {
    this.#process.kill();
  }

  async #answer(): Promise<unknown> {
    const ended = new AbortController();
    const { signal } = ended;
    try {
      return await Promise.race([
        once(this.#process, "message", { signal }).then(([message]: unknown[]) => message),
        once(this.#process, "exit", { signal }).then(([code]: unknown[]) => {
          throw new Error(`${this.#process.spawnargs.join(" ")} ended with ${code}`);
        }),
      ]);
    } finally {
      ended.abort();
    }
  }
}
