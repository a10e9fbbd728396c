import { constants } from "node:os";
import { PassThrough, type Readable, type Transform, type Writable } from "node:stream";
import type { TerminalSize } from "../../../streaming/index.js";
import type { Clock } from "../clock.js";
import type { DriverContainer, DriverProcess, ProcessExit, ProcessSpec, ResourceUsage } from "../driver.js";
import type { Ports } from "./ports.js";
import type { Program, ProgramContext } from "./program.js";
import { terminalInput, terminalOutput } from "./terminal.js";

/** What stats tell of a process that told nothing itself. */
const defaultMemoryBytes = 1_048_576n;

/** A program that runs as a process. */
export class ScriptedProcess implements DriverProcess {
  readonly pid = undefined;
  readonly stdin: Writable | undefined;
  readonly stdout: Readable;
  readonly stderr: Readable | undefined;
  readonly exit: Promise<ProcessExit>;
  readonly #out: Transform;
  readonly #err: PassThrough | undefined;
  readonly #in: Transform;
  readonly #abort = new AbortController();
  readonly #dead = new AbortController();
  readonly #heard: ((name: NodeJS.Signals) => void)[] = [];
  readonly #ports: Ports;
  readonly #began: bigint;
  readonly #clock: Clock;
  #size: TerminalSize;
  #used: { cpuNanos?: bigint; memoryBytes?: bigint } = {};
  #ended = false;
  #resolve: (exit: ProcessExit) => void = () => undefined;

  constructor(program: Program, container: DriverContainer, spec: ProcessSpec, clock: Clock, ports: Ports) {
    this.#clock = clock;
    this.#ports = ports;
    this.#began = clock.now();
    this.#size = spec.size ?? { columns: 80, rows: 24 };
    this.#err = spec.tty ? undefined : new PassThrough();
    this.#out = spec.tty ? terminalOutput() : new PassThrough();
    this.#in = spec.tty
      ? terminalInput(
          (text) => this.#out.write(text),
          () => this.kill("SIGINT"),
        )
      : new PassThrough();
    this.stdout = this.#out;
    this.stderr = this.#err;
    this.stdin = spec.stdin ? this.#in : undefined;
    if (!spec.stdin) this.#in.end();
    // A reader, or a writer, that leaves early is no failure of the process.
    for (const stream of [this.#in, this.#out, this.#err]) stream?.on("error", () => undefined);
    this.exit = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    void this.#run(program, this.#context(container, spec));
  }

  kill(signal: NodeJS.Signals): void {
    if (this.#ended) return;
    if (signal === "SIGKILL") {
      this.#abort.abort(signal);
      this.#end(exitCodeOf(signal));
      return;
    }
    for (const heard of this.#heard) heard(signal);
    if (endsByDefault.has(signal)) this.#abort.abort(signal);
  }

  resize(size: TerminalSize): void {
    this.#size = size;
    if (!this.#ended) for (const heard of this.#heard) heard("SIGWINCH");
  }

  /** What the program told, else a little for every second that it has run. */
  get usage(): ResourceUsage {
    const ran = this.#clock.now() - this.#began;
    const { cpuNanos = ran / 1_000n, memoryBytes = defaultMemoryBytes } = this.#used;
    return { cpuNanos, memoryBytes, processes: 1 };
  }

  async #run(program: Program, context: ProgramContext): Promise<void> {
    try {
      // In a turn of its own, so that who started the process has it before it prints.
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#ended) return;
      this.#end((await program(context)) ?? 0);
    } catch (error) {
      const { signal } = this.#abort;
      if (signal.aborted && (error === signal.reason || isCausedBy(error, signal.reason)))
        this.#end(exitCodeOf(signal.reason));
      else {
        if (!this.#ended) context.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
        this.#end(1);
      }
    }
  }

  #context(container: DriverContainer, spec: ProcessSpec): ProgramContext {
    const clock = this.#clock;
    const { signal } = this.#abort;
    const size = () => this.#size;
    return {
      args: spec.args,
      env: spec.env,
      workingDir: spec.workingDir || "/",
      containerId: container.id,
      image: container.image,
      stdin: this.#in,
      stdout: this.#out,
      stderr: this.#err ?? this.#out,
      tty: spec.tty,
      get size() {
        return size();
      },
      signal,
      onSignal: (heard) => this.#heard.push(heard),
      clock: { now: () => clock.now(), sleep: (ms, own) => clock.sleep(ms, this.#until(own)) },
      listen: (port, accept) => this.#ports.listen(container, port, this, accept),
      use: (usage) => {
        this.#used = { ...this.#used, ...usage };
      },
    };
  }

  /** A sleep of the program's ends with the process at the latest, whatever signal it listens to itself. */
  #until(own: AbortSignal | undefined): AbortSignal {
    const { signal } = this.#abort;
    return own && own !== signal ? AbortSignal.any([own, this.#dead.signal]) : signal;
  }

  #end(exitCode: number): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#ports.close(this);
    this.#in.destroy();
    this.#out.end();
    this.#err?.end();
    this.#abort.abort("SIGKILL");
    this.#dead.abort("SIGKILL");
    this.#resolve({ exitCode });
  }
}

function exitCodeOf(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}

/** What the clock rejects with has the signal's reason as its cause. */
function isCausedBy(error: unknown, reason: unknown): boolean {
  return error instanceof Error && error.cause === reason;
}

const endsByDefault: ReadonlySet<NodeJS.Signals> = new Set([
  "SIGABRT",
  "SIGALRM",
  "SIGHUP",
  "SIGINT",
  "SIGPIPE",
  "SIGQUIT",
  "SIGTERM",
  "SIGUSR1",
  "SIGUSR2",
]);
