import { Writable } from "node:stream";

export const inputHighWaterBytes = 65_536;

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
