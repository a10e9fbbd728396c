import { Duplex } from "node:stream";

/** What each direction holds before its writer waits, in bytes: about as much as a socket of the kernel's. */
const highWaterBytes = 262_144;

/** A connection in memory: what is written to one end is read from the other, with back-pressure, half by half. */
export function duplexPair(): readonly [Duplex, Duplex] {
  const left = new End();
  const right = new End();
  left.join(right);
  right.join(left);
  return [left, right];
}

class End extends Duplex {
  #peer: End | undefined;
  /** The peer's writer, which waits until more is read here. */
  #readOn: (() => void) | undefined;

  constructor() {
    super({ allowHalfOpen: true, highWaterMark: highWaterBytes });
  }

  join(peer: End): void {
    this.#peer = peer;
  }

  override _read(): void {
    const readOn = this.#readOn;
    this.#readOn = undefined;
    readOn?.();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    const peer = this.#peer;
    // As in a kernel: neither end knows of the other's, and both look at their own memory only.
    if (!peer || peer.destroyed) done(broken("EPIPE"));
    else if (peer.push(Buffer.from(chunk))) setImmediate(done);
    else peer.#readOn = done;
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#peer && !this.#peer.destroyed) this.#peer.push(null);
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const peer = this.#peer;
    this.#peer = undefined;
    this.#readOn?.();
    this.#readOn = undefined;
    done(error);
    // A writer that was not done is told by a reset, another end by the end of what it reads.
    if (peer && !peer.destroyed) setImmediate(() => peer.#hungUp(this.writableFinished));
  }

  #hungUp(orderly: boolean): void {
    if (this.destroyed) return;
    if (!orderly) this.destroy(broken("ECONNRESET"));
  }
}

function broken(code: string): Error {
  return Object.assign(new Error(`the connection in memory broke: ${code}`), { code });
}
