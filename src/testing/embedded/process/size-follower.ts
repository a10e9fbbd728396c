import type { TerminalSize } from "../../../streaming/index.js";

/** How long a command waits for its terminal's first size: programs that look once would miss one that comes later. */
const firstSizeMs = 100;

/** Tells a process the sizes of its terminal, the newest first of all. */
export class SizeFollower {
  /** Resolves when there is a size, or none has come for a while. Never rejects. */
  readonly known: Promise<void>;
  /** The last one that came. */
  last: TerminalSize | undefined;
  #tell: ((size: TerminalSize) => void) | undefined;

  constructor(sizes: AsyncIterable<TerminalSize>) {
    this.known = new Promise((resolve) => {
      const timer = setTimeout(resolve, firstSizeMs);
      void this.#follow(sizes, () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** Whom to tell, from now on. */
  tell(tell: (size: TerminalSize) => void): void {
    this.#tell = tell;
    if (this.last) tell(this.last);
  }

  async #follow(sizes: AsyncIterable<TerminalSize>, known: () => void): Promise<void> {
    for await (const size of sizes) {
      this.last = size;
      this.#tell?.(size);
      known();
    }
    known();
  }
}
