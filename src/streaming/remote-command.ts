import type { Readable, Writable } from "node:stream";
import { type CancellationScope, type CriError, invalidOption, OutputStream } from "../core/index.js";
import { exitUnknown, failedInRuntime, sessionClosed, startTimeout, stdinEndUnsupported } from "./errors.js";
import { type CommandExit, commandExit, type ExitStatus, StatusReader } from "./exit-status.js";
import { InputStream, inputTarget } from "./input.js";
import type { StreamingTimes, StreamingTransport } from "./options.js";
import type { OutputChannel } from "./protocols.js";
import { encodeResize, type TerminalSize } from "./resize.js";
import type { ExecSession, SessionPlan } from "./session.js";
import type { Wire, WireListener } from "./wire.js";

/** The time that `detach()` gives the server to hang up, in milliseconds. */
const leaveMs = 1_000;
/** The delay until the size of the terminal is sent again, in milliseconds. Most processes have started by then. */
const resendSizeMs = 100;

/** The options of a {@link RemoteCommand}, complete and validated. */
export interface CommandPlan extends SessionPlan, StreamingTimes {
  /** The endpoint for errors. */
  readonly endpoint: string;
}

/**
 * A session on a {@link Wire}. Settles `ended` exactly once; from then on it holds no timer and no listener, and the connection
 * is closed or closing.
 */
export class RemoteCommand implements ExecSession, WireListener {
  readonly stdin: Writable | undefined;
  readonly stdout: Readable | undefined;
  readonly stderr: Readable | undefined;
  readonly ended: Promise<CommandExit>;
  readonly #wire: Wire;
  readonly #plan: CommandPlan;
  readonly #scope: CancellationScope;
  readonly #input: InputStream | undefined;
  readonly #outputs = new Map<OutputChannel, OutputStream>();
  readonly #openOutputs: Set<OutputChannel>;
  readonly #timers = new Timers();
  readonly #reader: StatusReader;
  #startTimer: NodeJS.Timeout | undefined;
  #size: TerminalSize;
  #graceTimer: NodeJS.Timeout | undefined;
  #isStarted = false;
  #isOver = false;
  #resolve: (exit: CommandExit) => void = () => undefined;
  #reject: (error: CriError) => void = () => undefined;
  #markClosed: () => void = () => undefined;
  /** Resolves when the connection has closed. */
  readonly #closed = new Promise<void>((resolve) => {
    this.#markClosed = resolve;
  });

  constructor(wire: Wire, plan: CommandPlan, scope: CancellationScope) {
    this.#wire = wire;
    this.#plan = plan;
    this.#size = plan.size;
    this.#reader = new StatusReader(wire.jsonStatus);
    this.#scope = scope;
    this.ended = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Avoids an unhandled rejection when `ended` is never awaited.
    this.ended.catch(() => undefined);
    for (const channel of ["stdout", "stderr"] as const)
      if (plan.channels.includes(channel))
        this.#outputs.set(channel, new OutputStream(() => wire.resume(channel)));
    this.#openOutputs = new Set(this.#outputs.keys());
    this.stdout = this.#outputs.get("stdout");
    this.stderr = this.#outputs.get("stderr");
    this.#input = plan.channels.includes("stdin")
      ? new InputStream(
          inputTarget(wire, plan.tty, () => this.#input?.destroy(stdinEndUnsupported(this.protocol))),
        )
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
    if (!this.#plan.tty) throw invalidOption("size", size, "requires a session with tty: true");
    this.#size = size;
    if (!this.#isOver && this.#wire.canResize) this.#wire.write("resize", [message], () => undefined);
  }

  async close(): Promise<void> {
    if (!this.#isOver) this.#fail(sessionClosed());
    await this.#closed;
  }

  async detach(): Promise<void> {
    if (!this.#isOver) this.#fail(sessionClosed(), "leaving");
    await this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  onStarted(): void {
    if (this.#isStarted || this.#isOver) return;
    this.#isStarted = true;
    this.#timers.clear(this.#startTimer);
    // Runtimes drop a size that arrives before the process has started.
    if (this.#plan.tty) this.#timers.after(resendSizeMs, () => this.resize(this.#size));
  }

  onData(channel: OutputChannel, part: Buffer): boolean {
    // Output may arrive before the server's replies, and may pause the connection before them.
    this.onStarted();
    if (channel !== "error") return this.#outputs.get(channel)?.receive(part) ?? true;
    this.#read(() => this.#reader.push(part));
    return true;
  }

  onEnd(channel: OutputChannel, cut: boolean): void {
    if (this.#isOver) return;
    if (channel === "error") this.#read(() => this.#reader.end(cut));
    else {
      this.#openOutputs.delete(channel);
      // A channel that was cut off may still end normally: `onClosed` decides.
      if (!cut) this.#outputs.get(channel)?.finish();
    }
    this.#endIfComplete();
  }

  onInputOver(): void {
    this.#input?.stop();
  }

  onClosed(error: CriError | undefined): void {
    this.#markClosed();
    if (this.#isOver) {
      this.#timers.clearAll();
      return;
    }
    const isCutOff = error !== undefined && this.#openOutputs.size > 0;
    this.#openOutputs.clear();
    // An empty text status means success, but only on a connection that ended normally.
    this.#read(() => this.#reader.end(error !== undefined || this.#wire.jsonStatus));
    const { status } = this.#reader;
    // A server that hangs up with unread input resets the connection. The status follows all output, so nothing else is missing.
    const isEndOfCommand = status?.kind === "exited" && this.#hasSentInput;
    if (error && ((isCutOff && !isEndOfCommand) || status?.kind === "unknown")) this.#fail(error);
    else this.#settle();
  }

  #start(): void {
    const { channels, startTimeoutMs, keepAliveMs, tty, size } = this.#plan;
    this.#scope.onStop({ cancel: (error) => this.#fail(error) });
    if (this.#scope.stopped) {
      this.#fail(this.#scope.stopped);
      return;
    }
    this.#startTimer = this.#timers.after(startTimeoutMs, () =>
      this.#fail(startTimeout("start the session", startTimeoutMs)),
    );
    this.#timers.every(keepAliveMs, () => this.#wire.keepAlive());
    this.#wire.start(channels, this);
    // Programs on the terminal need an initial size.
    if (tty) this.resize(size);
  }

  /** Runs a step of the status reader; a malformed status ends the session. */
  #read(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#fail(error as CriError);
    }
  }

  /** Ends the session if it is complete, or starts the grace period if it may hang. */
  #endIfComplete(): void {
    if (this.#isOver) return;
    const outputsEnded = this.#openOutputs.size === 0;
    const { status } = this.#reader;
    if (status) {
      // CRI-O ends an output after the status. Without a status, the connection is about to fail.
      if (outputsEnded && status.kind !== "unknown") this.#finish(status);
      else this.#startGracePeriod();
    } else if (outputsEnded && this.#outputs.size > 0 && this.#hasSentInput) {
      // containerd never sends a status when the command left much of its input unread.
      this.#input?.stop();
      this.#startGracePeriod();
    }
  }

  get #hasSentInput(): boolean {
    return this.#input !== undefined && this.#input.sentBytes > 0;
  }

  #startGracePeriod(): void {
    this.#graceTimer ??= this.#timers.after(this.#plan.exitGraceMs, () => this.#settle());
  }

  #settle(): void {
    const status: ExitStatus = this.#reader.status ?? { kind: "unknown", message: "" };
    if (status.kind === "unknown") this.#fail(exitUnknown(status.message));
    else this.#finish(status);
  }

  #finish(status: Exclude<ExitStatus, { kind: "unknown" }>): void {
    if (status.kind === "failed") {
      // CRI-O reports its own failure to write the input instead of the command's exit code.
      const isUnreadInput = this.#hasSentInput && /broken pipe/i.test(status.message);
      this.#fail(
        isUnreadInput
          ? exitUnknown(
              `the command left input unread, and the runtime lost its exit code: ${status.message}`,
            )
          : failedInRuntime(status.message),
      );
      return;
    }
    this.#end("now");
    for (const output of this.#outputs.values()) output.finish();
    this.#resolve(commandExit(status.exitCode));
  }

  #fail(error: CriError, connection: "now" | "leaving" = "now"): void {
    if (this.#isOver) return;
    const failure = error.endpoint === undefined ? error.with({ endpoint: this.#plan.endpoint }) : error;
    this.#end(connection);
    for (const output of this.#outputs.values()) output.fail(failure);
    this.#reject(failure);
  }

  #end(connection: "now" | "leaving"): void {
    this.#isOver = true;
    this.#scope.end();
    this.#timers.clearAll();
    this.#input?.close();
    if (connection === "now") this.#hangUp();
    else {
      this.#wire.leave();
      this.#timers.after(leaveMs, () => this.#hangUp());
    }
  }

  #hangUp(): void {
    this.#wire.destroy();
    this.#markClosed();
  }
}

/** The timers of one session, which end with it. */
class Timers {
  readonly #timers = new Set<NodeJS.Timeout>();

  /** Calls back once, after `ms`. */
  after(ms: number, callback: () => void): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      callback();
    }, ms);
    this.#timers.add(timer);
    return timer;
  }

  /** Calls back every `ms` without keeping the process alive; never for 0. */
  every(ms: number, callback: () => void): void {
    if (ms > 0) this.#timers.add(setInterval(callback, ms).unref());
  }

  clear(timer: NodeJS.Timeout | undefined): void {
    if (timer === undefined) return;
    clearTimeout(timer);
    this.#timers.delete(timer);
  }

  clearAll(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }
}
