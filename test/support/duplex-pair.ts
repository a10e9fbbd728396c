import { Duplex } from "node:stream";

/** How many bytes each direction buffers before its writer waits: about as much as a kernel does for a socket. */
const kernelBytes = 262_144;

/**
 * A connection in memory that behaves as a TCP connection on one machine does: bytes arrive asynchronously, even if the
 * writer is destroyed right after writing them; each half ends on its own; a writer waits for its reader; and destroying
 * one end with unread bytes resets the other.
 */
export function duplexPair(): readonly [Duplex, Duplex] {
  const left = new End();
  const right = new End();
  left.peer = right;
  right.peer = left;
  return [left, right];
}

class End extends Duplex {
  peer: End | undefined;
  /** Bytes from the peer that have not been read. */
  readonly #received: Buffer[] = [];
  #receivedBytes = 0;
  #peerEnded = false;
  /** Whether the reader accepts more. */
  #wanted = false;
  #scheduled = false;
  #peerWaits: (() => void) | undefined;

  constructor() {
    super({ allowHalfOpen: true });
  }

  override _read(): void {
    this.#wanted = true;
    this.#deliverSoon();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    if (!this.peer || this.peer.destroyed) done(broken("EPIPE"));
    else this.peer.#take(Buffer.from(chunk), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.peer) this.peer.#takeEnd();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const reset = this.#receivedBytes > 0 || this.readableLength > 0;
    const { peer } = this;
    this.#received.length = 0;
    this.#releasePeer();
    done(error);
    if (reset) setImmediate(() => peer?.destroy(broken("ECONNRESET")));
    else if (peer) peer.#takeEnd();
  }

  #take(chunk: Buffer, done: () => void): void {
    this.#received.push(chunk);
    this.#receivedBytes += chunk.byteLength;
    if (this.#receivedBytes < kernelBytes) done();
    else this.#peerWaits = done;
    this.#deliverSoon();
  }

  #takeEnd(): void {
    this.#peerEnded = true;
    this.#deliverSoon();
  }

  #deliverSoon(): void {
    if (this.#scheduled || this.destroyed) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#deliver();
    });
  }

  #deliver(): void {
    if (this.destroyed || !this.#wanted) return;
    const chunk = this.#received.shift();
    if (chunk) {
      this.#receivedBytes -= chunk.byteLength;
      if (this.#receivedBytes < kernelBytes) this.#releasePeer();
      this.#wanted = this.push(chunk);
      if (this.#received.length > 0 || this.#peerEnded) this.#deliverSoon();
    } else if (this.#peerEnded && !this.readableEnded) {
      this.#wanted = false;
      this.push(null);
    }
  }

  #releasePeer(): void {
    const done = this.#peerWaits;
    this.#peerWaits = undefined;
    done?.();
  }
}

function broken(code: string): Error {
  return Object.assign(new Error(`the connection in memory broke: ${code}`), { code });
}
