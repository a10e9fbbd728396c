import { createHash } from "node:crypto";

/** Numbers in [0, 1) that depend only on a key: the same key gives the same numbers in every run, on every machine. */
export class Draws {
  readonly #key: string;
  #block: Buffer = Buffer.alloc(0);
  #offset = 0;
  #blocks = 0;

  constructor(...key: readonly (string | number)[]) {
    this.#key = JSON.stringify(key);
  }

  next(): number {
    if (this.#offset + 4 > this.#block.length) {
      this.#block = createHash("sha256")
        .update(`${this.#key}${this.#blocks++}`)
        .digest();
      this.#offset = 0;
    }
    const bits = this.#block.readUInt32BE(this.#offset);
    this.#offset += 4;
    return bits / 2 ** 32;
  }
}
