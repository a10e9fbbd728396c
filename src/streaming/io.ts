import { Readable, Writable } from "node:stream";
import { isCriError } from "../core/index.js";

/**
 * What is held of an output that nobody reads, in bytes, before its whole connection stops being read. Up to one read
 * of the socket (64 KiB) comes on top.
 */
export const outputHighWaterBytes = 262_144;
export const inputHighWaterBytes = 65_536;

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

/** What a command's input is sent by. */
export interface InputTarget {
  write(bytes: Uint8Array, done: (error?: Error | null) => void): void;
  end(): void;
}

/**
 * A command's input. Bytes written after the command stopped taking any are dropped, as into a closed pipe; once the
 * session is over, it is destroyed, as the input of a child process is.
 */
export class InputStream extends Writable {
  readonly #target: InputTarget;
  #sentBytes = 0;
  #over = false;
  #waiting: ((error?: Error | null) => void) | undefined;

  constructor(target: InputTarget) {
    super({ highWaterMark: inputHighWaterBytes });
    this.#target = target;
    this.on("error", () => undefined);
  }

  /** How many bytes were sent, or are about to be. */
  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** The command takes no more: the rest is dropped, and writers go on. */
  stop(): void {
    this.#over = true;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
  }

  /** The session is over. */
  close(): void {
    this.stop();
    // An input that was ended in time has finished by then, and a writer that waited for room was told.
    setImmediate(() => this.destroy());
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    if (this.#over) {
      done();
      return;
    }
    this.#sentBytes += chunk.byteLength;
    this.#waiting = done;
    this.#target.write(chunk, (error) => {
      if (this.#waiting !== done) return;
      this.#waiting = undefined;
      done(this.#over ? null : error);
    });
  }

  override _final(done: (error?: Error | null) => void): void {
    if (!this.#over) this.#target.end();
    done();
  }
}
