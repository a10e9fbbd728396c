/** A limit of memory that several connections share. */
export class MemoryLimit {
  readonly limitBytes: number;
  #bytes = 0;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  /** Adds to the memory in use, or subtracts from it. Returns whether it is within the limit. */
  add(bytes: number): boolean {
    this.#bytes += bytes;
    return this.#bytes <= this.limitBytes;
  }
}
