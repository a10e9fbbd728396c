import type { Duplex } from "node:stream";

/** The unsent bytes above which no further DATA frames are written, unless the socket buffers more; other frames are. */
const congestedBytes = 2 ** 18;
/** Up to this size, the frames of a tick are joined by copying, which is cheaper than a vector of buffers. */
const joinBytes = 2 ** 17;

/** Writes frames to the socket: all frames of a tick of the event loop with one system call. */
export class Output {
  readonly #socket: Duplex;
  readonly #onDrain: () => void;
  #frames: Buffer[] = [];
  #bytes = 0;
  readonly #congestedBytes: number;
  #isEnded = false;

  constructor(socket: Duplex, onDrain: () => void) {
    this.#socket = socket;
    this.#onDrain = onDrain;
    // Below its mark, a socket does not emit `drain`.
    this.#congestedBytes = Math.max(congestedBytes, socket.writableHighWaterMark);
    socket.on("drain", () => this.#onDrain());
  }

  /** The bytes that the socket has not taken yet. */
  get unsentBytes(): number {
    return this.#bytes + this.#socket.writableLength;
  }

  /** Whether DATA frames should wait for the next call of `onDrain`. */
  get isCongested(): boolean {
    return this.unsentBytes > this.#congestedBytes;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Takes one or more whole frames. They must not be changed afterwards. */
  push(frames: Buffer): void {
    if (this.#isEnded) return;
    // nextTick runs after the promise callbacks of this tick, whose frames are then joined as well.
    if (this.#bytes === 0) process.nextTick(flush, this);
    this.#frames.push(frames);
    this.#bytes += frames.length;
  }

  /** Writes what was pushed, at the end of the tick. */
  flushTick(): void {
    this.flush();
    // Without `drain`, nothing else would send what waited while this was not written.
    if (!this.#socket.writableNeedDrain) this.#onDrain();
  }

  /** Writes what was pushed. */
  flush(): void {
    if (this.#bytes === 0) return;
    const [frames, bytes] = [this.#frames, this.#bytes];
    this.#frames = [];
    this.#bytes = 0;
    const socket = this.#socket;
    if (socket.destroyed) return;
    const [first] = frames;
    if (frames.length === 1 && first) socket.write(first);
    else if (bytes <= joinBytes) socket.write(Buffer.concat(frames, bytes));
    else {
      socket.cork();
      for (const part of frames) socket.write(part);
      socket.uncork();
    }
  }

  /** Writes what was pushed, then ends the socket. */
  end(): void {
    if (this.#isEnded) return;
    this.flush();
    this.#isEnded = true;
    this.#socket.end();
  }
}

function flush(output: Output): void {
  output.flushTick();
}
