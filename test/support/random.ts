import { randomInt } from "node:crypto";

/** Pseudo-random numbers, reproducible from a seed. */
export class SeededRandom {
  readonly seed: number;
  #state: number;

  /** Default seed: `CRI_SDK_TEST_SEED`, which repeats a failure, or a new one. */
  constructor(seed = Number(process.env.CRI_SDK_TEST_SEED ?? randomInt(2 ** 31))) {
    this.seed = seed;
    this.#state = seed;
  }

  /** A number in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let bits = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  }

  /** An integer in [0, limit). */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }

  /** One of the arguments. */
  of<T>(first: T, ...rest: readonly T[]): T {
    return [first, ...rest][this.below(1 + rest.length)] ?? first;
  }

  /** An integer from 1 to `limit`; each order of magnitude is equally likely. */
  size(limit: number): number {
    return Math.max(1, Math.floor(limit ** this.next()));
  }
}
