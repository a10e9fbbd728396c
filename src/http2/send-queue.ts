/** The memory that a part takes beside its bytes, roughly. */
export const partOverheadBytes = 128;

/** The parts of an empty queue: most streams never wait. */
const noParts: Buffer[] = [];

/** The content of a stream that waits for flow control, as it was written. */
export class SendQueue {
  #parts: Buffer[] = noParts;
  /** The parts before it were taken: removing each from the array would move all others. */
  #start = 0;
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** The memory in use. */
  get memoryBytes(): number {
    return this.#bytes + partOverheadBytes * (this.#parts.length - this.#start);
  }

  push(part: Buffer): void {
    if (this.#parts === noParts) this.#parts = [];
    this.#parts.push(part);
    this.#bytes += part.length;
  }

  /** Whether the next `bytes` are spread over several parts that begin with a small one. */
  isFragmented(bytes: number, smallBytes: number): boolean {
    const length = this.#parts[this.#start]?.length ?? 0;
    return length < bytes && length <= smallBytes;
  }

  /** Takes the next `bytes`, part by part. */
  take(bytes: number, onPart: (part: Buffer) => void): void {
    let left = bytes;
    this.#bytes -= bytes;
    while (left > 0) {
      const first = this.#parts[this.#start];
      if (!first) return;
      if (first.length > left) {
        this.#parts[this.#start] = first.subarray(left);
        onPart(first.subarray(0, left));
        return;
      }
      left -= first.length;
      this.#start++;
      onPart(first);
    }
    if (this.#start === this.#parts.length) this.clear();
    else if (this.#start >= 1_024 && this.#start * 2 >= this.#parts.length) {
      this.#parts = this.#parts.slice(this.#start);
      this.#start = 0;
    }
  }

  clear(): void {
    this.#parts = noParts;
    this.#start = 0;
    this.#bytes = 0;
  }
}
