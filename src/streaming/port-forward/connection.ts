import { Duplex } from "node:stream";
import {
  type CriError,
  checkArgument,
  criError,
  LateFailure,
  option,
  outputHighWaterBytes,
} from "../../core/index.js";
import { stateReason } from "../errors.js";
import { inputHighWaterBytes } from "../input.js";

/** Callbacks for the events of a {@link Link}. */
export interface LinkListener {
  /** Bytes from the port arrived. Returning false pauses the link until it is resumed. */
  onData(part: Buffer): boolean;
  /** The port could not be connected to, or failed; `text` is the runtime's own. */
  onRefused(text: string): void;
  /** The port has sent everything. */
  onEnd(): void;
  /** The connection that carries the link has ended; with an error when it broke. */
  onClosed(error: CriError | undefined): void;
}

/** One forwarded connection, independent of the transport. */
export interface Link {
  /** Whether `end()` reaches the server. */
  readonly canEnd: boolean;
  /** Starts the events. Resolves when the server has accepted the connection. */
  start(listener: LinkListener): Promise<void>;
  write(bytes: Uint8Array, done: (error?: Error | null) => void): void;
  /** Half-closes the link. No runtime forwards this to the port: the runtime hangs up a second later. */
  end(): void;
  /** Continues reading after `onData` returned false. */
  resume(): void;
  /** Closes the link after the pending writes; both sides have ended. */
  finish(): void;
  /** Closes the link immediately. */
  destroy(): void;
  /** Sets whether the link keeps the process alive. */
  keepProcess(keep: boolean): void;
}

/**
 * A connection to a port in a pod. It implements the part of `net.Socket` that `node:http` uses.
 *
 * `end()` does not reach the port: runtimes do not forward a half-close, but hang up a second later and lose the reply. The
 * connection therefore closes when the port ends it, or with `destroy()`.
 */
export interface ForwardedConnection extends Duplex {
  /** The port in the pod. */
  readonly remotePort: number;
  /** Emits `timeout` after `ms` milliseconds without a byte in either direction, as `net.Socket` does; 0 never does. */
  setTimeout(ms: number, listener?: () => void): this;
  /** Has no effect: the connection is local. `node:http` calls it. */
  setKeepAlive(): this;
  /** Has no effect: nothing is delayed. `node:http` calls it. */
  setNoDelay(): this;
  /** Makes the connection keep the process alive, which is the default. */
  ref(): this;
  /** Lets the process exit while the connection is open. */
  unref(): this;
}

/** The parts of a {@link LinkedConnection}. */
export interface LinkedConnectionInit {
  readonly link: Link;
  readonly remotePort: number;
  /** The endpoint for errors. */
  readonly endpoint: string;
  readonly halfClose: boolean;
  /** Whether the link tries again while the port refuses it. */
  readonly isWaiting: boolean;
  /** Finds out why the connection ended before a byte arrived; undefined if that is not known. Never rejects. */
  readonly diagnose: Diagnose | undefined;
}

/** Finds the error behind a connection that just ended. */
export type Diagnose = () => Promise<CriError | undefined>;

/** A {@link ForwardedConnection} on a {@link Link}. */
export class LinkedConnection extends Duplex implements ForwardedConnection {
  readonly remotePort: number;
  readonly #link: Link;
  readonly #endpoint: string;
  readonly #halfClose: boolean;
  readonly #isWaiting: boolean;
  readonly #failure = new LateFailure(this);
  /** Undefined once a byte has arrived, or the connection has ended. */
  #diagnose: Diagnose | undefined;
  #isDiagnosing = false;
  #idleTimer: NodeJS.Timeout | undefined;

  constructor({ link, remotePort, endpoint, halfClose, isWaiting, diagnose }: LinkedConnectionInit) {
    super({
      // Without half-close, no byte reaches the port after the port has ended its side.
      allowHalfOpen: halfClose,
      readableHighWaterMark: outputHighWaterBytes,
      writableHighWaterMark: inputHighWaterBytes,
    });
    this.#link = link;
    this.remotePort = remotePort;
    this.#endpoint = endpoint;
    this.#halfClose = halfClose;
    this.#isWaiting = isWaiting;
    this.#diagnose = diagnose;
    // Keeps a connection without an error listener from ending the process; readers receive the error anyway.
    this.on("error", () => undefined);
  }

  /** Whether `end()` reaches the port, as far as this side can tell. */
  get passesEnd(): boolean {
    return this.#halfClose && this.#link.canEnd;
  }

  /** Starts the link. Resolves when the server has accepted the connection. */
  start(): Promise<void> {
    return this.#link.start({
      onData: (part) => this.#receive(part),
      onRefused: (text) => this.#refuse(text),
      onEnd: () => this.#finish(undefined),
      onClosed: (error) => this.#finish(error),
    });
  }

  setTimeout(ms: number, listener?: () => void): this {
    checkArgument("setTimeout", "ms", ms, option.milliseconds);
    if (listener !== undefined) checkArgument("setTimeout", "listener", listener, option.callback);
    if (this.destroyed) return this;
    clearTimeout(this.#idleTimer);
    this.#idleTimer = ms > 0 ? setTimeout(() => this.emit("timeout"), ms) : undefined;
    if (listener && ms > 0) this.once("timeout", listener);
    else if (listener) this.removeListener("timeout", listener);
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  ref(): this {
    this.#link.keepProcess(true);
    return this;
  }

  unref(): this {
    this.#link.keepProcess(false);
    return this;
  }

  override _read(): void {
    this.#link.resume();
  }

  // The return type omits `null`, as Node's own declaration does.
  override read(size?: number): Buffer {
    const part: Buffer = super.read(size);
    this.#failure.check();
    return part;
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#idleTimer?.refresh();
    this.#link.write(chunk, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#halfClose) this.#link.end();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#idleTimer);
    if (!error && this.readableEnded && this.writableFinished) this.#link.finish();
    else this.#link.destroy();
    done(error);
  }

  #receive(part: Buffer): boolean {
    this.#idleTimer?.refresh();
    this.#diagnose = undefined;
    return this.destroyed || this.push(part) || this.destroyed;
  }

  #refuse(text: string): void {
    const isRefused = /refused|no route|unreachable|cannot assign/i.test(text);
    const reason = isRefused ? "port_refused" : (stateReason(text) ?? "connection_lost");
    const details = isRefused && !this.#isWaiting ? { hint: waitHint } : {};
    const error = criError(reason, `port ${this.remotePort} of the pod: ${text.trim()}`, details);
    // The runtime's own reason takes precedence.
    if (this.#isDiagnosing) this.#settle(error);
    else this.#finish(error);
  }

  /** Ends the connection after the data that has arrived. If it ended for no reason before the first byte, finds the reason first. */
  #finish(error: CriError | undefined): void {
    if (this.#isDiagnosing) return;
    const diagnose = this.#diagnose;
    this.#diagnose = undefined;
    if (!diagnose || this.destroyed || (error && error.reason !== "connection_lost")) {
      this.#settle(error);
      return;
    }
    this.#isDiagnosing = true;
    void diagnose().then((found) => {
      this.#isDiagnosing = false;
      this.#settle(found ?? error);
    });
  }

  #settle(error: CriError | undefined): void {
    if (error)
      this.#failure.set(error.endpoint === undefined ? error.with({ endpoint: this.#endpoint }) : error);
    else if (!this.destroyed && !this.#failure.pending && !this.readableEnded) this.push(null);
  }
}

const waitHint = "Pass `portWaitMs` to wait until a process listens on the port";
