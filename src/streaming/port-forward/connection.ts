import { Duplex } from "node:stream";
import { CriError, LateFailure, outputHighWaterBytes } from "../../core/index.js";
import { inputHighWaterBytes } from "../io.js";
import type { Link, LinkListener } from "./link.js";

/** What a {@link ForwardedConnection} is made of. */
export interface ForwardedInit {
  readonly link: Link;
  readonly remotePort: number;
  /** What errors call the endpoint. */
  readonly endpoint: string;
  readonly halfClose: boolean;
}

/**
 * A connection to a port in a pod. It behaves as a `net.Socket` as far as `node:http` and others ask.
 *
 * `end()` does not reach the port: no runtime passes on that one side has ended, but each hangs up a second later and
 * loses the reply. So the end is kept, and the connection closes when the port ends it, or with `destroy()`.
 */
export class ForwardedConnection extends Duplex implements LinkListener {
  /** The port in the pod. */
  readonly remotePort: number;
  readonly #link: Link;
  readonly #endpoint: string;
  readonly #halfClose: boolean;
  readonly #failure = new LateFailure(this);
  #idleTimer: NodeJS.Timeout | undefined;

  /** @internal */
  constructor({ link, remotePort, endpoint, halfClose }: ForwardedInit) {
    super({
      // Once the port has ended, nothing that is sent reaches it.
      allowHalfOpen: halfClose,
      readableHighWaterMark: outputHighWaterBytes,
      writableHighWaterMark: inputHighWaterBytes,
    });
    this.#link = link;
    this.remotePort = remotePort;
    this.#endpoint = endpoint;
    this.#halfClose = halfClose;
    // A connection that nobody listens to must not end the process; whoever reads it is told all the same.
    this.on("error", () => undefined);
  }

  /** @internal Whether the port hears of `end()`, as far as this side can do it. */
  get passesEnd(): boolean {
    return this.#halfClose && this.#link.canEnd;
  }

  /** @internal */
  onData(part: Buffer): boolean {
    this.#idleTimer?.refresh();
    return this.destroyed || this.push(part) || this.destroyed;
  }

  /** @internal */
  onRefused(text: string): void {
    const refused = /refused|no route|unreachable|cannot assign/i.test(text);
    this.#failure.set(
      new CriError({
        code: "unavailable",
        reason: refused ? "port_refused" : "connection_lost",
        endpoint: this.#endpoint,
        text: `port ${this.remotePort} of the pod: ${text.trim()}`,
      }),
    );
  }

  /** @internal */
  onEnd(): void {
    if (!this.destroyed && !this.#failure.pending && !this.readableEnded) this.push(null);
  }

  /** @internal */
  onClosed(error: CriError | undefined): void {
    if (error)
      this.#failure.set(error.endpoint === undefined ? error.with({ endpoint: this.#endpoint }) : error);
    else this.onEnd();
  }

  /** Emits `timeout` after so many milliseconds without a byte in either direction, as a `net.Socket` does; 0 never. */
  setTimeout(ms: number, listener?: () => void): this {
    if (this.destroyed) return this;
    clearTimeout(this.#idleTimer);
    this.#idleTimer = ms > 0 ? setTimeout(() => this.emit("timeout"), ms) : undefined;
    if (listener && ms > 0) this.once("timeout", listener);
    else if (listener) this.removeListener("timeout", listener);
    return this;
  }

  /** Has no effect: the connection is one on this machine. Here because `node:http` calls it. */
  setKeepAlive(): this {
    return this;
  }

  /** Has no effect: nothing is ever held back. Here because `node:http` calls it. */
  setNoDelay(): this {
    return this;
  }

  /** Lets the connection keep the process alive; it does so from the start. */
  ref(): this {
    this.#link.keepProcess(true);
    return this;
  }

  /** Lets the process end while the connection is open. */
  unref(): this {
    this.#link.keepProcess(false);
    return this;
  }

  override _read(): void {
    this.#link.resume();
  }

  // Node's own types do not tell of the null either.
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
}
