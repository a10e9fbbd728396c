import { ReadStream } from "node:fs";
import { type Readable, Writable } from "node:stream";
import { countTransferred } from "./bulk-memory.js";
import type { Wire } from "./wire.js";

/** The bytes that wait while a write is in flight, and are then written together. */
export const inputHighWaterBytes = 131_072;

/** The size of reads from a file in bytes. Each read is two changes of thread, which cost more than reading 64 KiB. */
const fileReadBytes = 1_048_576;

/** Chunks below this size on average are copied together, in bytes. */
const smallBytes = 16_384;

/** The destination of a command's input. */
export interface InputTarget {
  write(chunks: readonly Uint8Array[], done: (error?: Error | null) => void): void;
  end(): void;
}

/**
 * The input of a command. Once the command has stopped reading, further bytes are dropped, as a closed pipe would drop them. At
 * the end of the session it is destroyed, as the `stdin` of a child process is.
 */
export class InputStream extends Writable {
  readonly #target: InputTarget;
  #sentBytes = 0;
  #isOver = false;
  #pending: ((error?: Error | null) => void) | undefined;

  constructor(target: InputTarget) {
    super({ highWaterMark: inputHighWaterBytes });
    this.#target = target;
    this.on("error", () => undefined);
    this.on("pipe", enlargeReads);
  }

  /** The bytes passed to the target so far. */
  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** Drops everything from here on, so that writers proceed: the command has stopped reading. */
  stop(): void {
    this.#isOver = true;
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.();
  }

  /** Stops the input and destroys it: the session has ended. */
  close(): void {
    this.stop();
    // Lets an ended input finish, and a waiting writer receive `drain`, before the stream closes.
    setImmediate(() => this.destroy());
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#write([chunk], chunk.byteLength, done);
  }

  override _writev(
    waiting: readonly { readonly chunk: Buffer }[],
    done: (error?: Error | null) => void,
  ): void {
    const chunks = waiting.map(({ chunk }) => chunk);
    const bytes = chunks.reduce((sum, { byteLength }) => sum + byteLength, 0);
    // Each chunk becomes a frame, so small ones are joined.
    this.#write(bytes < smallBytes * chunks.length ? [Buffer.concat(chunks, bytes)] : chunks, bytes, done);
  }

  #write(chunks: readonly Uint8Array[], bytes: number, done: (error?: Error | null) => void): void {
    if (this.#isOver) {
      done();
      return;
    }
    countTransferred(bytes);
    this.#sentBytes += bytes;
    this.#pending = done;
    const onSent = (error?: Error | null) => {
      if (this.#pending !== done) return;
      this.#pending = undefined;
      done(this.#isOver ? null : error);
    };
    let isWriting = true;
    this.#target.write(chunks, (error) => {
      // The other writes of this tick wait meanwhile, and are sent together.
      if (isWriting) process.nextTick(onSent, error);
      else onSent(error);
    });
    isWriting = false;
  }

  override _final(done: (error?: Error | null) => void): void {
    if (!this.#isOver) this.#target.end();
    done();
  }
}

/** Makes a file that is piped in be read in larger chunks; Node's default is 64 KiB. */
function enlargeReads(source: Readable): void {
  // Asking for more than the high water mark raises it. An empty stream that has not ended has nothing to return.
  if (source instanceof ReadStream && source.readableLength === 0 && !source.readableEnded)
    source.read(fileReadBytes);
}

const endOfTransmission = 0x04;
const newline = 0x0a;

/** Creates the target of a command's input. Calls `onEndUnsupported` when the input ends and the protocol cannot send that. */
export function inputTarget(wire: Wire, tty: boolean, onEndUnsupported: () => void): InputTarget {
  return tty ? terminalTarget(wire) : pipeTarget(wire, onEndUnsupported);
}

function pipeTarget(wire: Wire, onEndUnsupported: () => void): InputTarget {
  return {
    write: (chunks, done) => wire.write("stdin", chunks, done),
    end: () => (wire.canEndInput ? wire.endInput() : onEndUnsupported()),
  };
}

/**
 * Ends the input of a terminal with ^D. Closing the channel instead makes runtimes cut off the terminal's output. After an
 * unfinished line, the first ^D only flushes that line, so a second one follows.
 */
function terminalTarget(wire: Wire): InputTarget {
  let last = newline;
  return {
    write(chunks, done) {
      last = chunks.at(-1)?.at(-1) ?? last;
      wire.write("stdin", chunks, done);
    },
    end() {
      const keys = last === newline ? [endOfTransmission] : [endOfTransmission, endOfTransmission];
      wire.write("stdin", [Buffer.from(keys)], () => undefined);
    },
  };
}
