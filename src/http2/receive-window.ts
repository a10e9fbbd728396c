import { errorCode, Http2Error } from "./errors.js";
import { windowUpdateFrame } from "./frames.js";
import type { Output } from "./output.js";

/** What is given back at once, unless the window is small. More would reduce the window for no benefit: the frame costs little. */
const stepBytes = 2 ** 20;

/** The connection's window for content that arrives: what the peer may send on all streams together. */
export class ReceiveWindow {
  readonly #output: Output;
  /** The least that is given back. */
  readonly #stepBytes: number;
  #left: number;
  /** What was processed, and not given back yet. */
  #creditBytes = 0;

  constructor(output: Output, windowBytes: number) {
    this.#output = output;
    this.#stepBytes = Math.min(stepBytes, windowBytes / 4);
    this.#left = windowBytes;
  }

  /** Subtracts a DATA frame, padding included. Throws {@link Http2Error} if the peer exceeded the window. */
  take(bytes: number): void {
    this.#left -= bytes;
    if (this.#left < 0)
      throw new Http2Error(errorCode.flowControlError, "the peer exceeded the connection's window");
  }

  /** Gives bytes back to the peer, in parts that are worth a frame; in smaller ones while paused streams hold most of the window. */
  credit(bytes: number): void {
    this.#creditBytes += bytes;
    if (this.#creditBytes < this.#stepBytes && this.#creditBytes < this.#left) return;
    if (this.#creditBytes === 0) return;
    this.#output.push(windowUpdateFrame(0, this.#creditBytes));
    this.#left += this.#creditBytes;
    this.#creditBytes = 0;
  }
}
