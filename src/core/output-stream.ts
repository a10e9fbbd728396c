import { Readable } from "node:stream";
import { isCriError } from "./errors.js";

/**
 * How many unread bytes of an output are buffered before reading from the whole connection is paused. One more read of the
 * socket (up to 128 KiB) may exceed this limit.
 */
export const outputHighWaterBytes = 262_144;

/** Destroys a readable stream with an error once its buffered data has been read; `destroy` alone would drop that data. */
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

  /** Destroys the stream if its buffer is empty; call it after each read. */
  check(): void {
    if (this.#error && this.#stream.readableLength === 0) this.#stream.destroy(this.#error);
  }
}

/** A command's output. Data that arrived before a failure is delivered before the error. */
export class OutputStream extends Readable {
  readonly #resume: () => void;
  readonly #failure = new LateFailure(this);

  constructor(resume: () => void) {
    super({ highWaterMark: outputHighWaterBytes });
    this.#resume = resume;
    // The session's promise rejects as well; without this listener, an unobserved stream would end the process.
    this.on("error", () => undefined);
  }

  /** Buffers a chunk; returns false when the sender should pause. */
  receive(chunk: Buffer): boolean {
    return this.destroyed || this.push(chunk) || this.destroyed;
  }

  /** Ends the stream after the buffered data. */
  finish(): void {
    if (!this.destroyed && !this.#failure.pending) this.push(null);
  }

  /** Ends the stream with an error after the buffered data; at once when this side canceled the session. */
  fail(error: Error): void {
    if (isCriError(error) && (error.code === "canceled" || error.reason === "deadline")) this.destroy(error);
    else this.#failure.set(error);
  }

  override _read(): void {
    this.#resume();
  }

  // The return type omits `null`, as Node's own declaration does.
  override read(size?: number): Buffer {
    const chunk: Buffer = super.read(size);
    this.#failure.check();
    return chunk;
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // A destroyed output must not stall the others of its connection.
    this.#resume();
    done(error);
  }
}
