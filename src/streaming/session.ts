import { constants } from "node:os";
import type { Readable, Writable } from "node:stream";
import { CriError, invalidOption, isCriError, type Lifeline } from "../core/index.js";
import type { CommandExit, ExecSession } from "./command.js";
import { malformedStream, startTimeout } from "./errors.js";
import { type ExitStatus, parseJsonStatus, parseTextStatus, statusLimitBytes } from "./exit-status.js";
import { InputStream, OutputStream } from "./io.js";
import type { StreamingTransport } from "./options.js";
import { encodeResize, type TerminalSize } from "./resize.js";
import type { Channel, OutputChannel, Wire, WireListener } from "./wire.js";

/** What a session needs to know, complete and checked. */
export interface SessionPlan {
  readonly channels: readonly Channel[];
  readonly tty: boolean;
  readonly size: TerminalSize;
  readonly keepStdinOpen: boolean;
  readonly startTimeoutMs: number;
  readonly exitGraceMs: number;
  readonly keepAliveMs: number;
  /** What errors call the endpoint. */
  readonly endpoint: string;
}

/** How long `detach()` waits for the server to hang up. */
const leaveMs = 1_000;
/** When the terminal is told its size once more: most processes have started by then. */
const sizeAgainMs = 100;
const endOfTransmission = Buffer.from([0x04]);
const newline = 0x0a;

/** A remote command over whatever carries it. Settles `exit` exactly once, and leaves nothing behind then. */
export class RemoteCommand implements ExecSession, WireListener {
  readonly stdin: Writable | undefined;
  readonly stdout: Readable | undefined;
  readonly stderr: Readable | undefined;
  readonly exit: Promise<CommandExit>;
  readonly #wire: Wire;
  readonly #plan: SessionPlan;
  readonly #lifeline: Lifeline;
  readonly #input: InputStream | undefined;
  readonly #outputs = new Map<OutputChannel, OutputStream>();
  readonly #openOutputs: Set<OutputChannel>;
  readonly #timers = new Set<NodeJS.Timeout>();
  #startTimer: NodeJS.Timeout | undefined;
  #size: TerminalSize;
  #graceTimer: NodeJS.Timeout | undefined;
  #statusBytes: Buffer[] = [];
  #statusLength = 0;
  #status: ExitStatus | undefined;
  #lastInput = newline;
  #over = false;
  #resolve: (exit: CommandExit) => void = () => undefined;
  #reject: (error: CriError) => void = () => undefined;
  #gone: () => void = () => undefined;
  readonly #connectionGone = new Promise<void>((resolve) => {
    this.#gone = resolve;
  });

  constructor(wire: Wire, plan: SessionPlan, lifeline: Lifeline) {
    this.#wire = wire;
    this.#plan = plan;
    this.#size = plan.size;
    this.#lifeline = lifeline;
    this.exit = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Whoever does not ask how the command ended must not be told by the end of the process.
    this.exit.catch(() => undefined);
    for (const channel of ["stdout", "stderr"] as const)
      if (plan.channels.includes(channel))
        this.#outputs.set(channel, new OutputStream(() => wire.resume(channel)));
    this.#openOutputs = new Set(this.#outputs.keys());
    this.stdout = this.#outputs.get("stdout");
    this.stderr = this.#outputs.get("stderr");
    this.#input = plan.channels.includes("stdin")
      ? new InputStream({
          write: (bytes, done) => this.#writeInput(bytes, done),
          end: () => this.#endInput(),
        })
      : undefined;
    this.stdin = this.#input;
    this.#start();
  }

  get tty(): boolean {
    return this.#plan.tty;
  }

  get transport(): StreamingTransport {
    return this.#wire.transport;
  }

  get protocol(): string {
    return this.#wire.protocol;
  }

  resize(size: TerminalSize): void {
    const message = encodeResize(size);
    if (!this.#plan.tty) throw invalidOption("size", size, "is for sessions with tty: true");
    this.#size = size;
    if (!this.#over && this.#wire.canResize) this.#wire.write("resize", message, () => undefined);
  }

  async close(): Promise<void> {
    if (!this.#over) this.#fail(closedEarly());
    await this.#connectionGone;
  }

  async detach(): Promise<void> {
    if (!this.#over) {
      this.#wire.leave();
      this.#fail(closedEarly(), "leaving");
      this.#after(leaveMs, () => this.#hangUp());
    }
    await this.#connectionGone;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  onStarted(): void {
    this.#clear(this.#startTimer);
    // A size that arrives before the process is there is lost.
    if (this.#plan.tty) this.#after(sizeAgainMs, () => this.resize(this.#size));
  }

  onData(channel: OutputChannel, part: Buffer): boolean {
    if (channel !== "error") return this.#outputs.get(channel)?.receive(part) ?? true;
    this.#statusLength += part.byteLength;
    if (this.#statusLength > statusLimitBytes)
      this.#fail(malformedStream(`a status of more than ${statusLimitBytes} bytes`));
    else this.#statusBytes.push(part);
    return true;
  }

  onEnd(channel: OutputChannel, cut: boolean): void {
    if (this.#over) return;
    if (channel === "error") this.#readStatus(cut);
    else {
      this.#openOutputs.delete(channel);
      // A broken connection is told by an error, once it is known to be one.
      if (!cut) this.#outputs.get(channel)?.finish();
    }
    this.#check();
  }

  onInputOver(): void {
    this.#input?.stop();
  }

  onClosed(error: CriError | undefined): void {
    this.#gone();
    if (this.#over) {
      this.#clearTimers();
      return;
    }
    const cutOff = error !== undefined && this.#openOutputs.size > 0;
    this.#openOutputs.clear();
    if (!this.#status) this.#readStatus(error !== undefined || this.#wire.jsonStatus);
    if (this.#status && this.#status.kind !== "unknown" && !cutOff) this.#finish(this.#status);
    else this.#fail(error ?? this.#lost());
  }

  #start(): void {
    const { channels, startTimeoutMs, keepAliveMs, tty, size } = this.#plan;
    this.#lifeline.onStop({ cancel: (error) => this.#fail(error) });
    if (this.#lifeline.stopped) {
      this.#fail(this.#lifeline.stopped);
      return;
    }
    this.#startTimer = this.#after(startTimeoutMs, () =>
      this.#fail(startTimeout("start the session", startTimeoutMs)),
    );
    if (keepAliveMs > 0) {
      const keepAlive = setInterval(() => this.#wire.keepAlive(), keepAliveMs);
      this.#timers.add(keepAlive);
      keepAlive.unref();
    }
    this.#wire.start(channels, this);
    // Without a size, programs on the terminal do not know how wide it is.
    if (tty) this.resize(size);
  }

  #writeInput(bytes: Uint8Array, done: (error?: Error | null) => void): void {
    this.#lastInput = bytes[bytes.byteLength - 1] ?? this.#lastInput;
    this.#wire.write("stdin", bytes, done);
  }

  #endInput(): void {
    const { tty } = this.#plan;
    if (!tty && this.#wire.canEndInput) this.#wire.endInput();
    else if (tty) {
      // Runtimes cut off a terminal's output at the end of its input; what ends it for the program is a ^D, which after
      // an unfinished line only hands on the line.
      const times = this.#lastInput === newline ? 1 : 2;
      this.#wire.write("stdin", Buffer.concat(Array(times).fill(endOfTransmission)), () => undefined);
    } else this.#input?.destroy(stdinEndUnsupported(this.protocol));
  }

  #readStatus(cut: boolean): void {
    if (this.#status) return;
    const bytes = Buffer.concat(this.#statusBytes);
    this.#statusBytes = [];
    if (cut && bytes.byteLength === 0) {
      this.#status = { kind: "unknown", message: "" };
      return;
    }
    try {
      this.#status = this.#wire.jsonStatus ? parseJsonStatus(bytes) : parseTextStatus(bytes);
    } catch (error) {
      if (!isCriError(error)) throw error;
      if (cut) this.#status = { kind: "unknown", message: "" };
      else this.#fail(error);
    }
  }

  /** Looks whether the session has come to its end, or is about to hang. */
  #check(): void {
    if (this.#over) return;
    const outputsOver = this.#openOutputs.size === 0;
    if (this.#status) {
      // CRI-O ends an output after the status, and a connection without a status is about to be told of as broken.
      if (outputsOver && this.#status.kind !== "unknown") this.#finish(this.#status);
      else this.#graceTimer ??= this.#after(this.#plan.exitGraceMs, () => this.#settle());
      return;
    }
    const input = this.#input;
    if (!outputsOver || this.#outputs.size === 0 || !input || input.sentBytes === 0) return;
    // containerd stops here for ever when much of the input was left unread.
    input.stop();
    this.#graceTimer ??= this.#after(this.#plan.exitGraceMs, () => this.#settle());
  }

  #settle(): void {
    if (this.#status && this.#status.kind !== "unknown") this.#finish(this.#status);
    else this.#fail(this.#lost());
  }

  #finish(status: Exclude<ExitStatus, { kind: "unknown" }>): void {
    if (status.kind === "failed") {
      this.#fail(failedInRuntime(status.message));
      return;
    }
    this.#end("now");
    for (const output of this.#outputs.values()) output.finish();
    const { exitCode } = status;
    this.#resolve(Object.freeze({ exitCode, signal: signalOf(exitCode) }));
  }

  #fail(error: CriError, connection: "now" | "leaving" = "now"): void {
    if (this.#over) return;
    const told = error.endpoint === undefined ? error.with({ endpoint: this.#plan.endpoint }) : error;
    this.#end(connection);
    for (const output of this.#outputs.values()) {
      // What ends by our own doing ends at once.
      if (error.code === "canceled" || error.reason === "deadline") output.destroy(told);
      else output.fail(told);
    }
    this.#reject(told);
  }

  #end(connection: "now" | "leaving"): void {
    this.#over = true;
    this.#lifeline.end();
    this.#clearTimers();
    this.#input?.stop();
    if (connection === "now") this.#hangUp();
  }

  #hangUp(): void {
    this.#wire.destroy();
    this.#gone();
  }

  #lost(): CriError {
    const message = this.#status?.kind === "unknown" ? this.#status.message : "";
    return new CriError({
      code: "unknown",
      reason: "exit_unknown",
      text: message || "the session ended without telling how the command ended",
      hint: "The command may have succeeded, failed, or still be running",
    });
  }

  #after(ms: number, act: () => void): NodeJS.Timeout {
    const timer = setTimeout(act, ms);
    this.#timers.add(timer);
    return timer;
  }

  #clear(timer: NodeJS.Timeout | undefined): void {
    if (timer === undefined) return;
    clearTimeout(timer);
    this.#timers.delete(timer);
  }

  #clearTimers(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }
}

/** What `exit` rejects with when the session is left from here. */
export function closedEarly(): CriError {
  const text = "the session was closed before the command ended";
  return new CriError({ code: "canceled", reason: "client_closed", text });
}

/** The error for a session that must end its input and cannot. */
export function stdinEndUnsupported(protocol: string): CriError {
  return new CriError({
    code: "failed_precondition",
    reason: "stdin_end_unsupported",
    text: `${protocol} over WebSocket cannot end the command's input`,
    hint: 'Use transport: "spdy", or keepStdinOpen where the input never ends',
  });
}

/** The runtime's own words for a command that it could not start; everything else is an error of the session. */
const notStarted =
  /failed to (?:start|create) exec|executable file not found|no such file|permission denied|is a directory|args must not be empty|command (?:error|not found)/i;

function failedInRuntime(message: string): CriError {
  if (notStarted.test(message))
    return new CriError({ code: "failed_precondition", reason: "exec_not_started", text: message });
  return new CriError({ code: "internal", reason: "runtime_error", text: message });
}

const signalNames = new Map(
  Object.entries(constants.signals).map(([name, number]) => [number, name as NodeJS.Signals]),
);

function signalOf(exitCode: number): NodeJS.Signals | undefined {
  return exitCode > 128 ? signalNames.get(exitCode - 128) : undefined;
}
