/** Searches the typed bytes for the detach keys. */
export class DetachKeys {
  readonly #keys: Buffer;
  readonly #onDetach: () => void;
  /** The number of keys that were typed in sequence so far. */
  #typed = 0;

  constructor(keys: Buffer, onDetach: () => void) {
    this.#keys = keys;
    this.#onDetach = onDetach;
  }

  /** Returns the bytes for the command; none once all keys were typed. */
  take(chunk: Buffer): Buffer {
    const out: number[] = [];
    for (const byte of chunk) {
      if (byte === this.#keys[this.#typed]) {
        this.#typed++;
        if (this.#typed < this.#keys.byteLength) continue;
        this.#onDetach();
        return Buffer.alloc(0);
      }
      // An incomplete sequence belongs to the command.
      out.push(...this.#keys.subarray(0, this.#typed));
      this.#typed = byte === this.#keys[0] ? 1 : 0;
      if (this.#typed === 0) out.push(byte);
    }
    return Buffer.from(out);
  }
}
