import type { Readable, Writable } from "node:stream";
import type { LogWriter } from "../../../logs/index.js";
import type { TerminalSize } from "../../../streaming/index.js";
import type { DriverProcess, ProcessExit } from "../driver.js";
import { writeTo } from "./pump.js";

/** Who is attached to a process, and gets what it prints from now on. */
export interface Attached {
  readonly stdout: Writable | undefined;
  readonly stderr: Writable | undefined;
}

/** The process that a container is there for: what it prints goes to its log, and to all who are attached. */
export class MainProcess {
  /** Resolves when the process has ended, and all it printed was passed on. */
  readonly exit: Promise<ProcessExit>;
  readonly #process: DriverProcess;
  readonly #log: LogWriter | undefined;
  readonly #attached = new Set<Attached>();

  constructor(process: DriverProcess, log: LogWriter | undefined) {
    this.#process = process;
    this.#log = log;
    // Input that comes when the process is gone, or wants none, is lost, and that is all.
    process.stdin?.on("error", () => undefined);
    const printed = [this.#pass("stdout", process.stdout), this.#pass("stderr", process.stderr)];
    this.exit = Promise.all(printed).then(async () => {
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

  attach(attached: Attached): () => void {
    this.#attached.add(attached);
    return () => this.#attached.delete(attached);
  }

  async reopenLog(): Promise<void> {
    await this.#log?.reopen();
  }

  /** The process goes on at the pace of its slowest reader, as in a real runtime. */
  async #pass(stream: "stdout" | "stderr", output: Readable | undefined): Promise<void> {
    if (!output) return;
    try {
      for await (const chunk of output as AsyncIterable<Buffer>) {
        const readers = [...this.#attached].map((attached) => writeTo(attached[stream], chunk));
        // What cannot be logged is lost; the process has no part in it.
        await Promise.all([this.#log?.write(stream, chunk).catch(() => undefined), ...readers]);
      }
    } catch {
      // Its output broke off: what came was passed on.
    }
  }
}
