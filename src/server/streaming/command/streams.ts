import { Readable, Writable } from "node:stream";
import { ChangeSignal } from "../../../core/index.js";
import { ResizeDecoder, type TerminalSize } from "../../../streaming/index.js";

/**
 * The bytes of unread input that are buffered before the client's connection stops being read. Up to one read of the socket
 * may come on top.
 */
const inputHighWaterBytes = 262_144;
/** The bytes of output that are buffered while a write is in flight: several pipe buffers. */
const outputHighWaterBytes = 262_144;

/** A client's input, as its handler reads it. */
export class ClientInput extends Readable {
  readonly #resume: () => void;
  #isOver = false;

  constructor(resume: () => void) {
    super({ highWaterMark: inputHighWaterBytes });
    this.#resume = resume;
    // Without this listener, a handler that ignores errors would end the process.
    this.on("error", () => undefined);
  }

  /** Buffers a chunk; returns false when the sender should pause. Input after the end is dropped. */
  receive(chunk: Buffer): boolean {
    return this.#isOver || this.destroyed || this.push(chunk) || this.destroyed;
  }

  /** Ends the input. */
  finish(): void {
    if (this.#isOver || this.destroyed) return;
    this.#isOver = true;
    this.push(null);
  }

  override _read(): void {
    this.#resume();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // An input that the handler destroyed must not stall the rest of the session.
    this.#resume();
    done(error);
  }
}

/** Sends chunks; calls `done` when more can be sent, or with an error. */
export type SendChunks = (chunks: readonly Uint8Array[], done: (error?: Error | null) => void) => void;

/** A handler's output to its client. Writes fail after the client has disconnected. */
export class ClientOutput extends Writable {
  readonly #send: SendChunks;

  constructor(send: SendChunks) {
    super({ highWaterMark: outputHighWaterBytes });
    this.#send = send;
    this.on("error", () => undefined);
  }

  /** Ends the stream if it is open, and waits until everything was sent. */
  flush(): Promise<void> {
    return new Promise((resolve) => {
      if (this.closed) return resolve();
      this.once("close", resolve);
      if (!this.writableEnded) this.end();
    });
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#send([chunk], done);
  }

  override _writev(
    chunks: readonly { readonly chunk: Buffer }[],
    done: (error?: Error | null) => void,
  ): void {
    this.#send(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }
}

/** The sizes of a client's terminal, for one reader. A slow reader gets the latest size only. */
export class TerminalSizes implements AsyncIterableIterator<TerminalSize> {
  readonly #decoder = new ResizeDecoder();
  #latest: TerminalSize | undefined;
  #isOver = false;
  #isBroken = false;
  readonly #changes = new ChangeSignal();

  /** Decodes a chunk of the resize channel. After an invalid one, the rest is ignored, as runtimes do. */
  receive(chunk: Buffer): void {
    if (this.#isOver || this.#isBroken) return;
    try {
      this.#latest = this.#decoder.push(chunk).at(-1) ?? this.#latest;
    } catch {
      this.#isBroken = true;
    }
    this.#changes.notify();
  }

  /** Ends the iteration. */
  finish(): void {
    this.#isOver = true;
    this.#changes.notify();
  }

  async next(): Promise<IteratorResult<TerminalSize, undefined>> {
    while (!this.#latest && !this.#isOver) await this.#changes.wait();
    const value = this.#latest;
    if (this.#isOver || !value) return { done: true, value: undefined };
    this.#latest = undefined;
    return { done: false, value };
  }

  async return(): Promise<IteratorResult<TerminalSize, undefined>> {
    this.finish();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
