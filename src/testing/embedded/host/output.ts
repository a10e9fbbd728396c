import { PassThrough, type Readable } from "node:stream";
import { finished } from "node:stream/promises";

/** How often an output that outlasts its process is looked at. */
const lookEveryMs = 50;

/** What a process writes, with an end that does not have to wait for whoever holds the pipe. */
export class Output {
  readonly #pipe: Readable;
  readonly #stream = new PassThrough();
  /** Looks in a row at which nothing had come. */
  #quietLooks = 0;

  constructor(pipe: Readable) {
    this.#pipe = pipe;
    pipe.on("data", () => {
      this.#quietLooks = 0;
    });
    // A pipe that breaks has ended.
    pipe.once("error", () => this.#stream.end());
    pipe.pipe(this.#stream);
    this.#stream.once("close", () => pipe.destroy());
    // An output without a byte has ended, though nobody asked for one.
    this.#stream.once("finish", () => {
      if (this.#stream.readableLength === 0) this.#stream.read(0);
    });
    // One that is closed early by its reader has nothing to tell.
    this.#stream.on("error", () => undefined);
  }

  get stream(): Readable {
    return this.#stream;
  }

  /**
   * Resolves when the stream has ended for its reader. Once the process has ended, another one may still hold the pipe:
   * it is given up when nothing came for `silenceMs`. Time in which nobody reads does not count.
   */
  async afterEnd(silenceMs: number): Promise<void> {
    this.#quietLooks = 0;
    // Looks are counted, not milliseconds: between two of them this process had time to read.
    const timer = setInterval(() => {
      this.#quietLooks = this.#stream.writableNeedDrain ? 0 : this.#quietLooks + 1;
      if (this.#quietLooks * lookEveryMs >= silenceMs) this.cut();
    }, lookEveryMs);
    this.#pipe.once("close", () => clearInterval(timer));
    if (this.#pipe.destroyed) clearInterval(timer);
    // Ended or destroyed: either way nothing more comes.
    await finished(this.#stream, { writable: false }).catch(() => undefined);
    clearInterval(timer);
  }

  /** Ends the stream after what was read so far. */
  cut(): void {
    this.#pipe.unpipe(this.#stream);
    this.#pipe.destroy();
    this.#stream.end();
  }

  /** Drops everything: nobody will read it. */
  destroy(): void {
    this.#pipe.destroy();
    this.#stream.destroy();
  }
}
