import { Readable } from "node:stream";
import { isCriError } from "./errors.js";

/**
 * What is held of an output that nobody reads, in bytes, before its whole connection stops being read. Up to one read
 * of the socket (64 KiB) comes on top.
 */
export const outputHighWaterBytes = 262_144;

/** Ends a readable stream with an error, but only after what came before it was read: `destroy` would drop that. */
export class LateFailure {
  readonly #stream: Readable;
  #error: Error | undefined;

  constructor(stream: Readable) {
    this.#stream = stream;
  }

  get pending(): boolean {
    return this.#error !== undefined;
  }

  set(error: Error): void {
    if (this.#stream.destroyed || this.#stream.readableEnded || this.#error) return;
    this.#error = error;
    this.check();
  }

  /** To be called after each read. */
  check(): void {
    if (this.#error && this.#stream.readableLength === 0) this.#stream.destroy(this.#error);
  }
}

/** A command's output. After a failure, what came before it is delivered first. */
export class OutputStream extends Readable {
  readonly #resume: () => void;
  readonly #failure = new LateFailure(this);

  constructor(resume: () => void) {
    super({ highWaterMark: outputHighWaterBytes });
    this.#resume = resume;
    // The session's promise tells of failures, too; a stream that nobody listens to must not end the process.
    this.on("error", () => undefined);
  }

  /** Takes a part; whether there is room for more. */
  receive(part: Buffer): boolean {
    return this.destroyed || this.push(part) || this.destroyed;
  }

  /** Nothing more comes. */
  finish(): void {
    if (!this.destroyed && !this.#failure.pending) this.push(null);
  }

  /** Ends with an error, after what came before it; at once where the session was ended from here. */
  fail(error: Error): void {
    if (isCriError(error) && (error.code === "canceled" || error.reason === "deadline")) this.destroy(error);
    else this.#failure.set(error);
  }

  override _read(): void {
    this.#resume();
  }

  // Node's own types do not tell of the null either.
  override read(size?: number): Buffer {
    const part: Buffer = super.read(size);
    this.#failure.check();
    return part;
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // Whoever left must not stop the others.
    this.#resume();
    done(error);
  }
}
