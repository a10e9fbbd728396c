const [quote, backslash, open, close] = [0x22, 0x5c, 0x7b, 0x7d];
const space = new Set([0x09, 0x0a, 0x0d, 0x20]);

/** Finds the end of a JSON object that comes in parts, without reading a byte twice, and without holding any. */
export class JsonEnd {
  #depth = 0;
  #inText = false;
  #escaped = false;

  /** Takes the next part: whether the object is complete, or what came is none. */
  push(part: Uint8Array): boolean {
    for (const byte of part) {
      // Of a text, the bytes of other letters than ASCII's are all above these.
      if (this.#escaped) this.#escaped = false;
      else if (this.#inText && byte === backslash) this.#escaped = true;
      else if (byte === quote && this.#depth > 0) this.#inText = !this.#inText;
      else if (this.#inText) continue;
      else if (byte === open) this.#depth++;
      else if (byte === close) this.#depth--;
      else if (this.#depth === 0 && space.has(byte)) continue;
      if (this.#depth <= 0) return true;
    }
    return false;
  }
}
