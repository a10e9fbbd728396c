import type { Readable, Writable } from "node:stream";
import { type CriError, invalidOption, type Lifeline, OutputStream } from "../core/index.js";
import type { CommandExit, ExecSession } from "./command.js";
import { startTimeout } from "./errors.js";
import type { ExitStatus } from "./exit-status.js";
import { inputTarget } from "./input-target.js";
import { InputStream } from "./io.js";
import type { StreamingTransport } from "./options.js";
import { closedEarly, commandExit, exitUnknown, failedInRuntime, stdinEndUnsupported } from "./outcomes.js";
import { encodeResize, type TerminalSize } from "./resize.js";
import type { SessionPlan } from "./session-plan.js";
import { StatusReader } from "./status-reader.js";
import { Timers } from "./timers.js";
import type { OutputChannel, Wire, WireListener } from "./wire.js";

/** How long `detach()` waits for the server to hang up. */
const leaveMs = 1_000;
/** When the terminal is told its size once more: most processes have started by then. */
const sizeAgainMs = 100;

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
  readonly #timers = new Timers();
  readonly #reader: StatusReader;
  #startTimer: NodeJS.Timeout | undefined;
  #size: TerminalSize;
  #graceTimer: NodeJS.Timeout | undefined;
  #started = false;
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
    this.#reader = new StatusReader(wire.jsonStatus);
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
    if (!this.#plan.tty) throw invalidOption("size", size, "is for sessions with tty: true");
    this.#size = size;
    if (!this.#over && this.#wire.canResize) this.#wire.write("resize", message, () => undefined);
  }

  async close(): Promise<void> {
    if (!this.#over) this.#fail(closedEarly());
    await this.#connectionGone;
  }

  async detach(): Promise<void> {
    if (!this.#over) this.#fail(closedEarly(), "leaving");
    await this.#connectionGone;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  onStarted(): void {
    if (this.#started || this.#over) return;
    this.#started = true;
    this.#timers.clear(this.#startTimer);
    // A size that arrives before the process is there is lost.
    if (this.#plan.tty) this.#timers.after(sizeAgainMs, () => this.resize(this.#size));
  }

  onData(channel: OutputChannel, part: Buffer): boolean {
    // Output may overtake the server's word that it has begun, and be too much to read on.
    this.onStarted();
    if (channel !== "error") return this.#outputs.get(channel)?.receive(part) ?? true;
    this.#read(() => this.#reader.push(part));
    return true;
  }

  onEnd(channel: OutputChannel, cut: boolean): void {
    if (this.#over) return;
    if (channel === "error") this.#read(() => this.#reader.end(cut));
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
      this.#timers.clearAll();
      return;
    }
    const cutOff = error !== undefined && this.#openOutputs.size > 0;
    this.#openOutputs.clear();
    // A text status is silent about a success, and so is a connection that broke.
    this.#read(() => this.#reader.end(error !== undefined || this.#wire.jsonStatus));
    if (error && (cutOff || this.#reader.status?.kind === "unknown")) this.#fail(error);
    else this.#settle();
  }

  #start(): void {
    const { channels, startTimeoutMs, keepAliveMs, tty, size } = this.#plan;
    this.#lifeline.onStop({ cancel: (error) => this.#fail(error) });
    if (this.#lifeline.stopped) {
      this.#fail(this.#lifeline.stopped);
      return;
    }
    this.#startTimer = this.#timers.after(startTimeoutMs, () =>
      this.#fail(startTimeout("start the session", startTimeoutMs)),
    );
    this.#timers.every(keepAliveMs, () => this.#wire.keepAlive());
    this.#wire.start(channels, this);
    // Without a size, programs on the terminal do not know how wide it is.
    if (tty) this.resize(size);
  }

  /** Reads of the error channel; what is no status ends the session. */
  #read(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#fail(error as CriError);
    }
  }

  /** Looks whether the session has come to its end, or is about to hang. */
  #check(): void {
    if (this.#over) return;
    const outputsOver = this.#openOutputs.size === 0;
    const { status } = this.#reader;
    const input = this.#input;
    if (status) {
      // CRI-O ends an output after the status, and a connection without a status is about to be told of as broken.
      if (outputsOver && status.kind !== "unknown") this.#finish(status);
      else this.#settleSoon();
    } else if (outputsOver && this.#outputs.size > 0 && input && input.sentBytes > 0) {
      // containerd stops here for ever when much of the input was left unread.
      input.stop();
      this.#settleSoon();
    }
  }

  #settleSoon(): void {
    this.#graceTimer ??= this.#timers.after(this.#plan.exitGraceMs, () => this.#settle());
  }

  #settle(): void {
    const status: ExitStatus = this.#reader.status ?? { kind: "unknown", message: "" };
    if (status.kind === "unknown") this.#fail(exitUnknown(status.message));
    else this.#finish(status);
  }

  #finish(status: Exclude<ExitStatus, { kind: "unknown" }>): void {
    if (status.kind === "failed") {
      this.#fail(failedInRuntime(status.message));
      return;
    }
    this.#end("now");
    for (const output of this.#outputs.values()) output.finish();
    this.#resolve(commandExit(status.exitCode));
  }

  #fail(error: CriError, connection: "now" | "leaving" = "now"): void {
    if (this.#over) return;
    const told = error.endpoint === undefined ? error.with({ endpoint: this.#plan.endpoint }) : error;
    this.#end(connection);
    for (const output of this.#outputs.values()) output.fail(told);
    this.#reject(told);
  }

  #end(connection: "now" | "leaving"): void {
    this.#over = true;
    this.#lifeline.end();
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
    this.#gone();
  }
}
