import { code } from "./code.js";

/** What the WebAssembly exports: see assembly/scan.ts. */
interface Exports {
  readonly memory: WebAssembly.Memory;
  readonly windowBytes: WebAssembly.Global<number>;
  readonly tableAt: WebAssembly.Global<number>;
  readonly blocksAt: WebAssembly.Global<number>;
  readonly next: WebAssembly.Global<number>;
  readonly last: WebAssembly.Global<number>;
  scan(from: number, to: number): number;
  compact(from: number, to: number, streams: number): number;
}

/** Streams, for `Scanner.messages`. */
export const streamBits = { stdout: 1, stderr: 2 } as const;

/**
 * Finds the usual records in bytes, many times as fast as it can be done in JavaScript. It stops at a line that it does not know,
 * which is for RecordHeader. All numbers are places in the bytes that it was given.
 */
export class Scanner {
  /** Where the last call stopped: at the end, at a line that it does not know, or at one that is only begun in what it could see. */
  next = 0;
  /** Where the last record begins that the last call found, if it found any. */
  last = 0;
  /** Of the record that `record` was called for. */
  contentAt = 0;
  /** Where its newline is. */
  end = 0;
  isStderr = false;
  endsLine = false;
  /** Whether it holds nothing but ASCII for sure. */
  isAscii = false;
  readonly #exports: Exports;
  readonly #memory: Buffer;
  readonly #table: DataView;
  readonly #windowBytes: number;
  readonly #blocks: readonly Buffer[];
  #isLent = false;
  /** What was copied into its memory. */
  #bytes: Buffer | undefined;
  /** How far into its memory is what is at byte 0, and where what it may scan ends. */
  #shift = 0;
  #end = 0;

  private constructor() {
    // scripts/log-scanner.ts made the code of what has these exports.
    const exports = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(code, "base64")))
      .exports as Exports;
    this.#exports = exports;
    this.#memory = Buffer.from(exports.memory.buffer);
    this.#table = new DataView(exports.memory.buffer, exports.tableAt.value);
    this.#windowBytes = exports.windowBytes.value;
    this.#blocks = [0, 1].map((index) => {
      const begin = exports.blocksAt.value + index * Scanner.blockBytes;
      return this.#memory.subarray(begin, begin + Scanner.blockBytes);
    });
  }

  /** How long each of the blocks is that it lends. */
  static readonly blockBytes = 1_048_576;
  static #shared: Scanner | undefined;
  static #isImpossible = false;

  /**
   * The one that all readers use, for none needs it for longer than a call; undefined where there is no WebAssembly with SIMD
   * (`node --jitless`, processors of before 2008).
   */
  static get shared(): Scanner | undefined {
    if (Scanner.#shared === undefined && !Scanner.#isImpossible)
      try {
        Scanner.#shared = new Scanner();
      } catch {
        Scanner.#isImpossible = true;
      }
    return Scanner.#shared;
  }

  /** Two blocks of memory from which nothing needs to be copied; undefined while somebody else has them. */
  lend(): readonly Buffer[] | undefined {
    if (this.#isLent) return undefined;
    this.#isLent = true;
    return this.#blocks;
  }

  giveBack(): void {
    this.#isLent = false;
  }

  /** What it was given may have changed. */
  forget(): void {
    this.#bytes = undefined;
  }

  /** Finds records, and gives how many; `record` tells of each. */
  find(bytes: Buffer, from: number, to: number): number {
    this.#load(bytes, from, to);
    const count = this.#exports.scan(from + this.#shift, this.#end);
    this.#note();
    return count;
  }

  /** Tells of one of the records that were found last, in its fields. */
  record(index: number): void {
    const contentAt = this.#table.getUint32(8 * index, true);
    const end = this.#table.getUint32(8 * index + 4, true);
    this.contentAt = contentAt - this.#shift;
    this.end = (end >>> 3) - this.#shift;
    this.isStderr = (end & 1) !== 0;
    this.endsLine = (end & 2) === 0;
    this.isAscii = (end & 4) === 0;
  }

  /**
   * The messages of records, each line with its newline. Of which streams is in `streams`, some of `streamBits`. With `reuse` they
   * are put where the records are, else in new memory.
   */
  messages(bytes: Buffer, from: number, to: number, streams: number, reuse: boolean): Buffer {
    this.#load(bytes, from, to);
    const begin = from + this.#shift;
    const end = this.#exports.compact(begin, this.#end, streams);
    this.#note();
    const length = end - begin;
    const messages = reuse ? bytes.subarray(from, from + length) : Buffer.allocUnsafeSlow(length);
    // In a block that it lent they are there already.
    if (messages.buffer !== this.#memory.buffer) this.#memory.copy(messages, 0, begin, end);
    return messages;
  }

  #load(bytes: Buffer, from: number, to: number): void {
    if (bytes.buffer === this.#memory.buffer) {
      this.#bytes = undefined;
      this.#shift = bytes.byteOffset;
      this.#end = to + this.#shift;
    } else if (bytes !== this.#bytes || from < -this.#shift || from >= this.#end - this.#shift) {
      this.#bytes = bytes;
      this.#shift = -from;
      this.#end = bytes.copy(this.#memory, 0, from, Math.min(to, from + this.#windowBytes));
    }
  }

  #note(): void {
    this.next = this.#exports.next.value - this.#shift;
    this.last = this.#exports.last.value - this.#shift;
  }
}
