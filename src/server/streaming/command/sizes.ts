import { ResizeDecoder, type TerminalSize } from "../../../streaming/index.js";

/** The sizes of a client's terminal. Whoever is late gets the last one only. For one reader. */
export class TerminalSizes implements AsyncIterableIterator<TerminalSize> {
  readonly #decoder = new ResizeDecoder();
  #latest: TerminalSize | undefined;
  #over = false;
  #deaf = false;
  #wake: (() => void) | undefined;

  /** Takes a part of the resize channel. After one that is no size, nothing more is heard, as with runtimes. */
  receive(part: Buffer): void {
    if (this.#over || this.#deaf) return;
    try {
      this.#latest = this.#decoder.push(part).at(-1) ?? this.#latest;
    } catch {
      this.#deaf = true;
    }
    this.#wake?.();
  }

  /** The session is over. */
  finish(): void {
    this.#over = true;
    this.#wake?.();
  }

  async next(): Promise<IteratorResult<TerminalSize, undefined>> {
    while (!this.#latest && !this.#over)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    const value = this.#latest;
    if (this.#over || !value) return { done: true, value: undefined };
    this.#latest = undefined;
    return { done: false, value };
  }

  async return(): Promise<IteratorResult<TerminalSize, undefined>> {
    this.finish();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
