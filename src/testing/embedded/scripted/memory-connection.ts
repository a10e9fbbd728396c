import { Duplex } from "node:stream";

/** Two ends of a connection in memory. Each half ends by itself, nothing is buffered beyond what a stream holds. */
export function memoryConnection(): [Duplex, Duplex] {
  const near = new End();
  const far = new End();
  near.other = far;
  far.other = near;
  return [near, far];
}

class End extends Duplex {
  other: End | undefined;
  /** Told when what was written to the other end has been read there. */
  #read: (() => void) | undefined;

  constructor() {
    super({ allowHalfOpen: true });
  }

  override _read(): void {
    const read = this.#read;
    this.#read = undefined;
    read?.();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    const { other } = this;
    if (!other || other.destroyed) done(new Error("the other end of the connection is gone"));
    else if (other.push(chunk)) done();
    else other.#read = done;
  }

  override _final(done: () => void): void {
    if (this.other && !this.other.destroyed) this.other.push(null);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const { other } = this;
    // A connection that is cut is cut for both; one whose halves have ended is over.
    if (other && !other.destroyed && !this.writableFinished) other.destroy();
    this.#read?.();
    done(error);
  }
}
