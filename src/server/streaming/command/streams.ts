import { Readable, Writable } from "node:stream";

/**
 * What is held of an input that the handler does not read, in bytes, before the client's connection is no longer read.
 * Up to one read of the socket comes on top.
 */
const inputHighWaterBytes = 262_144;
/** Some pieces of what pipes carry: a command's output goes on while one of them is written. */
const outputHighWaterBytes = 262_144;

/** A client's input, as a handler reads it. */
export class ClientInput extends Readable {
  readonly #resume: () => void;
  #over = false;

  constructor(resume: () => void) {
    super({ highWaterMark: inputHighWaterBytes });
    this.#resume = resume;
    // A handler that does not listen must not lose the process for it.
    this.on("error", () => undefined);
  }

  /** Takes a part; whether there is room for more. What nobody will read is dropped. */
  receive(part: Buffer): boolean {
    return this.#over || this.destroyed || this.push(part) || this.destroyed;
  }

  /** Nothing more comes. */
  finish(): void {
    if (this.#over || this.destroyed) return;
    this.#over = true;
    this.push(null);
  }

  override _read(): void {
    this.#resume();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // A handler that is done with its input must not stop the rest of the session.
    this.#resume();
    done(error);
  }
}

/** Sends some parts; `done` is called once more may be sent, or with why not. */
export type SendParts = (parts: readonly Uint8Array[], done: (error?: Error | null) => void) => void;

/** What a handler writes to its client. After the client's end, writing fails. */
export class ClientOutput extends Writable {
  readonly #send: SendParts;

  constructor(send: SendParts) {
    super({ highWaterMark: outputHighWaterBytes });
    this.#send = send;
    this.on("error", () => undefined);
  }

  /** Ends it, unless it is over, and waits until all of it was sent. */
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
