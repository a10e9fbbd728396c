import { createHash } from "node:crypto";

/** Ids as runtimes give them: 64 hexadecimal digits. The same seed gives the same ids in the same order. */
export class Ids {
  readonly #seed: string;
  #count = 0;

  constructor(seed: string) {
    this.#seed = seed;
  }

  next(): string {
    return createHash("sha256")
      .update(`${this.#seed}/${this.#count++}`)
      .digest("hex");
  }
}
