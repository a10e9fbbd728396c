import { Readable } from "node:stream";

/** How far into the output the mark is looked for: a terminal may echo input before it. */
const searchBytes = 65_536;

/** An output without the line in it that begins with a mark; the line's rest is told apart. */
export class MarkedOutput extends Readable {
  /** What followed the mark on its line; undefined when the output ended, or went on too long, without it. */
  readonly value: Promise<string | undefined>;
  readonly #source: Readable;
  readonly #mark: Buffer;
  #held: Buffer | undefined = Buffer.alloc(0);
  #resolve: (value: string | undefined) => void = () => undefined;

  constructor(source: Readable, mark: string) {
    super({ highWaterMark: source.readableHighWaterMark });
    this.#source = source;
    this.#mark = Buffer.from(mark);
    this.value = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.on("error", () => undefined);
    source.on("data", (part: Buffer) => this.#take(part));
    source.once("end", () => {
      this.#giveUp();
      if (!this.destroyed) this.push(null);
    });
    source.once("error", (error) => {
      this.#giveUp();
      this.destroy(error);
    });
    source.once("close", () => this.#giveUp());
  }

  override _read(): void {
    this.#source.resume();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // The mark may still be on its way, and is wanted even if the output is not.
    this.#source.resume();
    void this.value.then(() => this.#source.destroy());
    done(error);
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
      this.#resolve(held.toString("latin1", begin + this.#mark.byteLength, end).trim());
      this.#hand(Buffer.concat([held.subarray(0, begin), held.subarray(end + 1)]));
    } else if (this.#held.byteLength > searchBytes) this.#giveUp();
  }

  #giveUp(): void {
    const held = this.#held;
    this.#held = undefined;
    this.#resolve(undefined);
    if (held) this.#hand(held);
  }

  #hand(part: Buffer): void {
    if (part.byteLength > 0 && !this.destroyed && !this.push(part)) this.#source.pause();
  }
}
