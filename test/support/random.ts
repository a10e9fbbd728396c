import { randomInt } from "node:crypto";

/** Numbers that look random, and are the same for the same seed. */
export class SeededRandom {
  readonly seed: number;
  #state: number;

  /** Takes the seed from `CRI_SDK_TEST_SEED`, to run a failure again; else it is a new one each time. */
  constructor(seed = Number(process.env.CRI_SDK_TEST_SEED ?? randomInt(2 ** 31))) {
    this.seed = seed;
    this.#state = seed;
  }

  /** From 0 to below 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let bits = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number below `limit`. */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }

  /** One of some. */
  of<T>(first: T, ...rest: readonly T[]): T {
    return [first, ...rest][this.below(1 + rest.length)] ?? first;
  }

  /** A whole number from 1 to `limit`, small ones as likely as large ones. */
  size(limit: number): number {
    return Math.max(1, Math.floor(limit ** this.next()));
  }
}
