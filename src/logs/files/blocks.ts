import { Scanner } from "../scanner/scanner.js";

/** Memory to read into, which is looked at at once. */
export interface Part {
  readonly bytes: Buffer;
  /** How many bytes before it in memory may be written over: there is room for the beginning of a line that ends in it. */
  readonly room: number;
}

/** Gives memory to read a file into. */
export interface Blocks {
  /** Parts, one after the other in the file, for so many bytes or for as many as can be read at once. */
  take(bytes: number): readonly Part[];
  /** No memory is needed any more, until some is asked for again. */
  release(): void;
}

/** For a line of 16 KiB, a runtime's longest. */
const roomBytes = 4_096;
/** What is kept with a line that is kept. */
const keptBytes = 65_536;
const keptParts = 16;

/** New memory each time, for who keeps what was read; each part is memory of its own. */
export const newBlocks: Blocks = {
  take(bytes) {
    const parts: Part[] = [];
    for (let left = bytes; left > 0 && parts.length < keptParts; ) {
      const room = left < roomBytes ? 0 : roomBytes;
      const length = Math.min(left, keptBytes - room);
      // Not from Node's pool, which an entry that is kept would keep, too.
      parts.push({ bytes: Buffer.allocUnsafeSlow(room + length).subarray(room), room });
      left -= length;
    }
    return parts;
  },
  release: () => undefined,
};

/**
 * Two blocks in turns, so that one can be read into while the other is looked at: what was read before is overwritten. Those of
 * the scanner, from where nothing needs to be copied, when there is much to read and nobody else has them.
 */
export class TurningBlocks implements Blocks {
  readonly #partBytes: number;
  readonly #blocks: Buffer[] = [];
  #lent: readonly Buffer[] = [];
  #turn = 0;
  #use: Promise<unknown> = Promise.resolve();

  constructor(partBytes: number) {
    this.#partBytes = partBytes;
  }

  take(bytes: number): readonly Part[] {
    const length = Math.min(bytes, Scanner.blockBytes - roomBytes);
    const block = this.#next(roomBytes + length).subarray(0, roomBytes + length);
    const parts: Part[] = [];
    for (let room = roomBytes; room < block.length; room += this.#partBytes)
      parts.push({ bytes: block.subarray(room, room + this.#partBytes), room });
    return parts;
  }

  release(): void {
    if (this.#lent.length === 0) return;
    this.#lent = [];
    const giveBack = () => Scanner.shared?.giveBack();
    this.#use.then(giveBack, giveBack);
  }

  /** Until this settles somebody else looks at what was read last, even after a release. */
  usedUntil(promise: Promise<unknown>): void {
    this.#use = promise;
  }

  #next(bytes: number): Buffer {
    this.#turn = 1 - this.#turn;
    if (this.#lent.length === 0 && bytes > Scanner.blockBytes / 2) this.#lent = Scanner.shared?.lend() ?? [];
    const block = this.#lent[this.#turn] ?? this.#blocks[this.#turn];
    if (block !== undefined && block.length >= bytes) return block;
    // No longer than it must be: most files are small.
    const made = Buffer.allocUnsafeSlow(bytes);
    this.#blocks[this.#turn] = made;
    return made;
  }
}
