import type { Socket } from "node:net";
import { Duplex } from "node:stream";

/** How much may wait for a client that reads nothing before its session has to wait, too: more than its windows let us send. */
const maxUnsentBytes = 2 ** 28;

/**
 * A connection for an HTTP/2 session that is never kept from reading. Node's session reads nothing while a write of its
 * own is under way, so that two of it that send each other more than their sockets hold wait for each other for ever.
 * Here a write is over at once; what may be under way is limited by HTTP/2's own windows.
 */
export class NeverBlocking extends Duplex {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    super();
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => {
      if (!this.push(chunk)) socket.pause();
    });
    socket.once("end", () => this.push(null));
    socket.once("error", (error) => this.destroy(error));
    socket.once("close", () => this.destroy());
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#socket.write(chunk);
    this.#acknowledge(done);
  }

  override _writev(chunks: readonly { readonly chunk: Buffer }[], done: () => void): void {
    this.#socket.cork();
    for (const { chunk } of chunks) this.#socket.write(chunk);
    this.#socket.uncork();
    this.#acknowledge(done);
  }

  override _final(done: () => void): void {
    this.#socket.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    // What was said before the end is still on its way.
    if (error) this.#socket.destroy();
    else this.#socket.destroySoon();
    done(error);
  }

  #acknowledge(done: () => void): void {
    if (this.#socket.writableLength < maxUnsentBytes) done();
    else this.#socket.once("drain", done);
  }
}
