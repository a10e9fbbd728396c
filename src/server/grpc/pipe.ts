import type { Socket } from "node:net";
import type { Duplex } from "node:stream";

/** How much may wait for a client that reads nothing before its session has to wait, too: more than windows let us send. */
const maxUnsentBytes = 2 ** 28;

/**
 * A connection for an HTTP/2 session that is never kept from reading. Node's session reads nothing while a write of its
 * own is under way, so that two of it that send each other more than their sockets hold wait for each other for ever.
 * Here a write is over at once; what may be under way is limited by HTTP/2's own windows.
 *
 * It is what a session asks of a stream, and no more: one stream piped through another halves the calls per second.
 */
export function neverBlocking(socket: Socket): Duplex {
  return new NeverBlocking(socket) as unknown as Duplex;
}

class NeverBlocking {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
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
    const taken = this.#socket.write(chunk);
    if (this.#socket.writableLength < maxUnsentBytes) done();
    else this.#socket.once("drain", done);
    return taken;
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
