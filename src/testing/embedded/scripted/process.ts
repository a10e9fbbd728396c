import { constants } from "node:os";
import { PassThrough, type Readable, Transform, type Writable } from "node:stream";
import { isError, messageOf } from "../../../core/index.js";
import type { TerminalSize } from "../../../streaming/index.js";
import type { Clock } from "../clock.js";
import type {
  DriverContainer,
  DriverProcess,
  DriverUser,
  ProcessExit,
  ProcessSpec,
  ResourceUsage,
} from "../driver.js";
import type { Ports } from "./ports.js";
import type { Program, ProgramContext } from "./program.js";

/** The memory of a process that did not call `reportUsage`. */
const defaultMemoryBytes = 1_048_576n;

/** What a process uses and shares with others. */
export interface ProcessSurroundings {
  readonly clock: Clock;
  readonly ports: Ports;
  readonly user: DriverUser | undefined;
}

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
  /** The program's `signal`. */
  readonly #signaled = new AbortController();
  readonly #exited = new AbortController();
  readonly #signalCallbacks: ((name: NodeJS.Signals) => void)[] = [];
  readonly #ports: Ports;
  readonly #startedAt: bigint;
  readonly #clock: Clock;
  #size: TerminalSize;
  #usage: { cpuNanos?: bigint; memoryBytes?: bigint } = {};
  #hasExited = false;
  #resolve: (exit: ProcessExit) => void = () => undefined;

  constructor(
    program: Program,
    container: DriverContainer,
    spec: ProcessSpec,
    { clock, ports, user }: ProcessSurroundings,
  ) {
    this.#clock = clock;
    this.#ports = ports;
    this.#startedAt = clock.now();
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
    // A stream that the other side closes early is not a failure of the process.
    for (const stream of [this.#in, this.#out, this.#err]) stream?.on("error", () => undefined);
    this.exit = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    void this.#run(program, this.#context(container, spec, user));
  }

  kill(signal: NodeJS.Signals): void {
    if (this.#hasExited) return;
    if (signal === "SIGKILL") {
      this.#signaled.abort(signal);
      this.#end(exitCodeOf(signal));
      return;
    }
    for (const callback of this.#signalCallbacks) callback(signal);
    if (endingSignals.has(signal)) this.#signaled.abort(signal);
  }

  resize(size: TerminalSize): void {
    this.#size = size;
    if (!this.#hasExited) for (const callback of this.#signalCallbacks) callback("SIGWINCH");
  }

  /** What the program reported; by default, a microsecond of CPU time for each millisecond since the start. */
  get usage(): ResourceUsage {
    const age = this.#clock.now() - this.#startedAt;
    const { cpuNanos = age / 1_000n, memoryBytes = defaultMemoryBytes } = this.#usage;
    return { cpuNanos, memoryBytes, processes: 1 };
  }

  async #run(program: Program, context: ProgramContext): Promise<void> {
    try {
      // Starts in a later turn, so that the caller has the process before its first output.
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#hasExited) return;
      this.#end((await program(context)) ?? 0);
    } catch (error) {
      const { signal } = this.#signaled;
      if (signal.aborted && (error === signal.reason || isCausedBy(error, signal.reason)))
        this.#end(exitCodeOf(signal.reason));
      else {
        if (!this.#hasExited) context.stderr.write(`${messageOf(error)}\n`);
        this.#end(1);
      }
    }
  }

  #context(container: DriverContainer, spec: ProcessSpec, user: DriverUser | undefined): ProgramContext {
    const clock = this.#clock;
    const { signal } = this.#signaled;
    const size = () => this.#size;
    return {
      args: spec.args,
      env: spec.env,
      workingDir: spec.workingDir || "/",
      containerId: container.id,
      image: container.image,
      user,
      mounts: container.mounts,
      podIp: container.pod.ip,
      dns: container.pod.dns,
      stdin: this.#in,
      stdout: this.#out,
      stderr: this.#err ?? this.#out,
      tty: spec.tty,
      get size() {
        return size();
      },
      signal,
      onSignal: (callback) => this.#signalCallbacks.push(callback),
      clock: { now: () => clock.now(), sleep: (ms, own) => clock.sleep(ms, this.#sleepSignal(own)) },
      listen: (port, accept) => this.#ports.listen(container, port, this, accept),
      reportUsage: (usage) => {
        this.#usage = { ...this.#usage, ...usage };
      },
    };
  }

  /** A sleep ends with the process at the latest, even if the program passes a signal of its own. */
  #sleepSignal(own: AbortSignal | undefined): AbortSignal {
    const { signal } = this.#signaled;
    return own && own !== signal ? AbortSignal.any([own, this.#exited.signal]) : signal;
  }

  #end(exitCode: number): void {
    if (this.#hasExited) return;
    this.#hasExited = true;
    this.#ports.close(this);
    this.#in.destroy();
    this.#out.end();
    this.#err?.end();
    this.#signaled.abort("SIGKILL");
    this.#exited.abort("SIGKILL");
    this.#resolve({ exitCode });
  }
}

function exitCodeOf(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}

/** The clock rejects with an error whose cause is the signal's reason. */
function isCausedBy(error: unknown, reason: unknown): boolean {
  return isError(error) && error.cause === reason;
}

/** The signals whose default action ends a process. */
const endingSignals: ReadonlySet<NodeJS.Signals> = new Set([
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

const newline = 10;
const carriageReturn = 13;
const endOfTransmission = 4;
const interrupt = 3;

/** Converts output as a terminal does: a newline becomes a carriage return and a newline. */
function terminalOutput(): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      done(null, Buffer.from(chunk.toString("latin1").replaceAll("\n", "\r\n"), "latin1"));
    },
  });
}

/**
 * Converts input as a terminal does: echoes it, converts Enter to a newline, ends the input at Ctrl-D, and interrupts the
 * process at Ctrl-C. It is not line-buffered.
 */
function terminalInput(echo: (text: Buffer) => void, onInterrupt: () => void): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const end = chunk.indexOf(endOfTransmission);
      const typed = end < 0 ? chunk : chunk.subarray(0, end);
      if (typed.includes(interrupt)) onInterrupt();
      const text = Buffer.from(typed.filter((byte) => byte !== interrupt));
      for (const [index, byte] of text.entries()) if (byte === carriageReturn) text[index] = newline;
      echo(text);
      if (text.byteLength > 0) this.push(text);
      if (end >= 0) this.push(null);
      done();
    },
  });
}
