import type { Readable, Writable } from "node:stream";
import type { LogWriter } from "../../logs/index.js";
import type { TerminalSize } from "../../streaming/index.js";
import type { DriverProcess, ProcessExit } from "./driver.js";
import { writeTo } from "./stream-copy.js";

/** The outputs of an attach session. */
export interface AttachedOutputs {
  readonly stdout: Writable | undefined;
  readonly stderr: Writable | undefined;
}

/** A container's main process. Its output is written to the log and to all attach sessions. */
export class MainProcess {
  /** Resolves when the process has exited and all its output was written. */
  readonly exit: Promise<ProcessExit>;
  readonly #process: DriverProcess;
  readonly #log: LogWriter | undefined;
  readonly #attached = new Set<AttachedOutputs>();

  constructor(process: DriverProcess, log: LogWriter | undefined) {
    this.#process = process;
    this.#log = log;
    // Input that arrives after the exit is dropped.
    process.stdin?.on("error", () => undefined);
    const outputs = [this.#distribute("stdout", process.stdout), this.#distribute("stderr", process.stderr)];
    this.exit = Promise.all(outputs).then(async () => {
      const exit = await process.exit;
      await log?.close().catch(() => undefined);
      return exit;
    });
  }

  get stdin(): Writable | undefined {
    return this.#process.stdin;
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  resize(size: TerminalSize): void {
    this.#process.resize(size);
  }

  /** Writes all output from now on to these streams, too. Returns a function that detaches them. */
  attach(outputs: AttachedOutputs): () => void {
    this.#attached.add(outputs);
    return () => this.#attached.delete(outputs);
  }

  async reopenLog(): Promise<void> {
    await this.#log?.reopen();
  }

  /** Waits for the slowest reader after each chunk, as real runtimes do: backpressure reaches the process. */
  async #distribute(stream: "stdout" | "stderr", output: Readable | undefined): Promise<void> {
    if (!output) return;
    try {
      for await (const chunk of output as AsyncIterable<Buffer>) {
        const writes = [...this.#attached].map((attached) => writeTo(attached[stream], chunk));
        // A log that cannot be written must not stop the process.
        await Promise.all([this.#log?.write(stream, chunk).catch(() => undefined), ...writes]);
      }
    } catch {
      // An output that failed counts as ended.
    }
  }
}
