import type { Readable } from "node:stream";
import { OutputStream } from "../core/index.js";

/** How far into the output the mark is looked for: a terminal may echo input before it. */
const searchBytes = 65_536;

/** What became of the search for a mark. */
export type Mark =
  /** What followed the mark on its line. */
  | { readonly kind: "found"; readonly value: string }
  /** The output ended without it, after so many bytes. */
  | { readonly kind: "absent"; readonly bytes: number }
  /** The output went on too long without it, or broke. */
  | { readonly kind: "unknown" };

/** An output without the line in it that begins with a mark; the line's rest is told apart. */
export class MarkedOutput extends OutputStream {
  /** Never rejects. */
  readonly mark: Promise<Mark>;
  readonly #source: Readable;
  readonly #mark: Buffer;
  #held: Buffer | undefined = Buffer.alloc(0);
  #resolve: (mark: Mark) => void = () => undefined;

  constructor(source: Readable, mark: string) {
    super(() => void source.resume());
    this.#source = source;
    this.#mark = Buffer.from(mark);
    this.mark = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    source.on("data", (part: Buffer) => this.#take(part));
    source.once("end", () => {
      this.#giveUp({ kind: "absent", bytes: this.#held?.byteLength ?? 0 });
      this.finish();
    });
    source.once("error", (error) => {
      this.#giveUp({ kind: "unknown" });
      this.fail(error);
    });
    source.once("close", () => this.#giveUp({ kind: "unknown" }));
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // The mark may still be on its way, and is wanted even if the output is not.
    void this.mark.then(() => this.#source.destroy());
    super._destroy(error, done);
  }

  #take(part: Buffer): void {
    if (!this.#held) {
      this.#hand(part);
      return;
    }
    this.#held = Buffer.concat([this.#held, part]);
    const begin = this.#held.indexOf(this.#mark);
    const end = begin < 0 ? -1 : this.#held.indexOf("\n", begin);
    if (end >= 0) {
      const held = this.#held;
      this.#held = undefined;
      const value = held.toString("latin1", begin + this.#mark.byteLength, end).trim();
      this.#resolve({ kind: "found", value });
      this.#hand(Buffer.concat([held.subarray(0, begin), held.subarray(end + 1)]));
    } else if (this.#held.byteLength > searchBytes) this.#giveUp({ kind: "unknown" });
  }

  #giveUp(mark: Mark): void {
    const held = this.#held;
    this.#held = undefined;
    this.#resolve(mark);
    if (held) this.#hand(held);
  }

  #hand(part: Buffer): void {
    if (part.byteLength > 0 && !this.receive(part)) this.#source.pause();
  }
}
