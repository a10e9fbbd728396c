const newline = 10;

/**
 * Takes whole lines: those in `bytes` from `from` to `to`, the last with its newline; `base` is where byte 0 is in the file, and
 * `begin` where the first line begins there, which is before `base + from` when a part of it was taken before.
 */
export type TakeLines = (bytes: Buffer, from: number, to: number, base: number, begin: number) => void;

/**
 * Makes regions of whole lines from chunks that are cut anywhere. A line that two chunks share is copied, all others stay
 * where they are.
 */
export class LineAssembler {
  readonly #limitBytes: number;
  readonly #take: TakeLines;
  readonly #overflow: (line: Buffer, offset: number) => Buffer;
  #carry: Buffer[] = [];
  #carryBytes = 0;
  #carryAt = 0;
  /** Where the line begins that is carried; the carry is at a later place when a part of it was taken. */
  #begin = 0;

  /**
   * `overflow` is given the beginning of a line that is longer than `limitBytes`, and gives back what is to stand before the
   * rest of it. The offset is that of the line, also when it is given a part of the same line again.
   */
  constructor(limitBytes: number, take: TakeLines, overflow: (line: Buffer, offset: number) => Buffer) {
    this.#limitBytes = limitBytes;
    this.#take = take;
    this.#overflow = overflow;
  }

  /** Takes a chunk; `offset` is where it begins in the file, `room` how many bytes before it in memory may be written over. */
  push(chunk: Buffer, offset: number, room: number): void {
    const carried = this.#carryBytes;
    if (carried > 0 && carried <= room && this.#begin === this.#carryAt) {
      const joined = Buffer.from(chunk.buffer, chunk.byteOffset - carried, carried + chunk.length);
      let at = 0;
      for (const piece of this.#carry) at += piece.copy(joined, at);
      this.clear();
      this.#push(joined, offset - carried);
    } else this.#push(chunk, offset);
  }

  #push(chunk: Buffer, offset: number): void {
    const end = chunk.lastIndexOf(newline) + 1;
    let from = 0;
    if (end > 0 && this.#carryBytes > 0) {
      from = chunk.indexOf(newline) + 1;
      const line = Buffer.concat([...this.#carry, chunk.subarray(0, from)]);
      const [at, begin] = [this.#carryAt, this.#begin];
      this.clear();
      this.#take(line, 0, line.length, at, begin);
    }
    if (from < end) this.#take(chunk, from, end, offset, offset + from);
    if (end < chunk.length) this.#keep(chunk.subarray(end), offset + end);
  }

  /** What came after the last newline, and where it is in the file; undefined for nothing. */
  get rest(): { readonly bytes: Buffer; readonly offset: number } | undefined {
    return this.#carryBytes === 0 ? undefined : { bytes: Buffer.concat(this.#carry), offset: this.#begin };
  }

  /** Forgets what came after the last newline. */
  clear(): void {
    this.#carry = [];
    this.#carryBytes = 0;
  }

  #keep(piece: Buffer, offset: number): void {
    if (this.#carryBytes === 0) [this.#carryAt, this.#begin] = [offset, offset];
    this.#carry.push(Buffer.from(piece));
    this.#carryBytes += piece.length;
    if (this.#carryBytes <= this.#limitBytes) return;
    const again = this.#overflow(Buffer.concat(this.#carry), this.#begin);
    this.#carry = again.length > 0 ? [again] : [];
    this.#carryBytes = again.length;
    // So that the end of the line comes out where it is in the file.
    this.#carryAt = offset + piece.length - again.length;
  }
}
