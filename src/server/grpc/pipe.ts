import type { Socket } from "node:net";
import type { Duplex } from "node:stream";

/** How much may wait for a client that reads nothing before its session has to wait, too: more than an answer of 16 MiB each way. */
const maxUnsentBytes = 2 ** 26;
/** What a write costs beside its bytes: answers to pings are small, and not limited by windows. */
const writeBytes = 1_024;

/**
 * A connection for an HTTP/2 session that is never kept from reading. Node's session reads nothing while a write of its
 * own is under way, so that two of it that send each other more than their sockets hold wait for each other for ever.
 * Here a write is over at once, unless very much is under way: then the session waits, and HTTP/2's guard against
 * floods sees what is queued.
 *
 * It is what a session asks of a stream, and no more: one stream piped through another halves the calls per second.
 */
export function neverBlocking(socket: Socket): Duplex {
  return new NeverBlocking(socket) as unknown as Duplex;
}

class NeverBlocking {
  readonly #socket: Socket;
  #unsentWrites = 0;
  /** Writes whose end is told when the socket has drained. */
  #held: ((error?: Error | null) => void)[] = [];

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("drain", () => this.#release());
    socket.once("close", () => this.#release());
  }

  get readable(): boolean {
    return this.#socket.readable;
  }

  get writable(): boolean {
    return this.#socket.writable;
  }

  get destroyed(): boolean {
    return this.#socket.destroyed;
  }

  get readableObjectMode(): boolean {
    return false;
  }

  on(event: string, listener: (...args: unknown[]) => void): this {
    this.#socket.on(event, listener);
    return this;
  }

  once(event: string, listener: (...args: unknown[]) => void): this {
    this.#socket.once(event, listener);
    return this;
  }

  removeListener(event: string, listener: (...args: unknown[]) => void): this {
    this.#socket.removeListener(event, listener);
    return this;
  }

  listenerCount(event: string): number {
    return this.#socket.listenerCount(event);
  }

  pause(): this {
    this.#socket.pause();
    return this;
  }

  resume(): this {
    this.#socket.resume();
    return this;
  }

  cork(): void {
    this.#socket.cork();
  }

  uncork(): void {
    this.#socket.uncork();
  }

  write(chunk: Uint8Array, done: (error?: Error | null) => void): boolean {
    this.#unsentWrites++;
    const taken = this.#socket.write(chunk, this.#written);
    if (this.#socket.writableLength + this.#unsentWrites * writeBytes < maxUnsentBytes) done();
    else this.#held.push(done);
    return taken;
  }

  readonly #written = (): void => {
    this.#unsentWrites--;
  };

  #release(): void {
    for (const done of this.#held.splice(0)) done();
  }

  end(done?: () => void): this {
    this.#socket.end(done);
    return this;
  }

  destroy(error?: Error): this {
    // What was said before the end is still on its way.
    if (error) this.#socket.destroy(error);
    else this.#socket.destroySoon();
    return this;
  }
}
