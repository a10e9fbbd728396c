import { Duplex } from "node:stream";

/** What a forwarded connection is carried by. */
export interface ForwardLink {
  /** Sends bytes; `done` is called once more may be sent, or with why not. */
  write(parts: readonly Uint8Array[], done: (error?: Error | null) => void): void;
  /** Says that nothing more comes, where that can be said. */
  end(): void;
  /** Reads on after {@link ForwardedClient.receive} answered false. */
  resume(): void;
  /** The handler gave the connection up. */
  reset(): void;
}

/** As with a command: some pieces of what sockets carry. */
const highWaterBytes = 262_144;

/** A client's side of a forwarded connection, as a handler sees it: each half ends by itself. */
export class ForwardedClient extends Duplex {
  readonly #link: ForwardLink;
  #receiveOver = false;

  constructor(link: ForwardLink) {
    super({ allowHalfOpen: true, highWaterMark: highWaterBytes });
    this.#link = link;
    // A handler that does not listen must not lose the process for it.
    this.on("error", () => undefined);
  }

  /** Takes a part; whether there is room for more. What nobody will read is dropped. */
  receive(part: Buffer): boolean {
    return this.#receiveOver || this.destroyed || this.push(part) || this.destroyed;
  }

  /** The client has sent everything. */
  receiveEnd(): void {
    if (this.#receiveOver || this.destroyed) return;
    this.#receiveOver = true;
    this.push(null);
  }

  /** Ends this side's half, unless it is over, and waits until all of it was sent. */
  flush(): Promise<void> {
    return new Promise((resolve) => {
      if (this.closed || this.writableFinished) return resolve();
      this.once("finish", resolve);
      this.once("close", resolve);
      if (!this.writableEnded) this.end();
    });
  }

  override _read(): void {
    this.#link.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#link.write([chunk], done);
  }

  override _writev(
    chunks: readonly { readonly chunk: Buffer }[],
    done: (error?: Error | null) => void,
  ): void {
    this.#link.write(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#link.end();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // A handler that is done with a connection must not stop the others.
    this.#link.resume();
    if (!this.writableFinished || error) this.#link.reset();
    done(error);
  }
}
