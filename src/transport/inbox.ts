import type { CriError } from "../core/index.js";

/** What the inbox tells its source, so that a slow reader slows the sender down. */
export interface Valve {
  pause(): void;
  resume(): void;
}

/** Bytes of undelivered messages past which the source is paused. */
const highWaterBytes = 1 << 20;

/** Messages between the wire, which pushes, and one reader, who pulls: in order, with back-pressure, then an end. */
export class Inbox {
  readonly #valve: Valve;
  #waiting: { resolve(message: Uint8Array | undefined): void; reject(error: unknown): void } | undefined;
  #messages: Uint8Array[] = [];
  #bytes = 0;
  #paused = false;
  #end: { readonly error: CriError | undefined } | undefined;

  constructor(valve: Valve) {
    this.#valve = valve;
  }

  push(message: Uint8Array): void {
    const waiting = this.#waiting;
    if (waiting) {
      this.#waiting = undefined;
      waiting.resolve(message);
      return;
    }
    this.#messages.push(message);
    this.#bytes += message.byteLength;
    if (this.#bytes <= highWaterBytes || this.#paused) return;
    this.#paused = true;
    this.#valve.pause();
  }

  /** No more messages. Those that arrived are still delivered; then `pull` ends, or rejects with the error. */
  end(error: CriError | undefined): void {
    if (this.#end) return;
    this.#end = { error };
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (error) waiting?.reject(error);
    else waiting?.resolve(undefined);
  }

  /** The next message; undefined after a clean end. One pull at a time. */
  pull(): Promise<Uint8Array | undefined> {
    const message = this.#messages.shift();
    if (message) {
      this.#bytes -= message.byteLength;
      if (this.#paused && this.#bytes < highWaterBytes / 2) {
        this.#paused = false;
        this.#valve.resume();
      }
      return Promise.resolve(message);
    }
    if (this.#end?.error) return Promise.reject(this.#end.error);
    if (this.#end) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }
}
