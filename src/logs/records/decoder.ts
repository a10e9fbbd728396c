import type { LogEntry } from "./entry.js";
import { EntryReader } from "./entry-reader.js";
import { RecordFilter } from "./filter.js";
import type { LogStream } from "./header.js";

/** Options of a {@link LogDecoder}. */
export interface LogDecoderOptions {
  /** Only what was printed to this stream. @default both */
  readonly stream?: LogStream | undefined;
  /** The longest line, in bytes, that is joined from its pieces; 0 joins nothing. @default 1048576 */
  readonly maxLineBytes?: number | undefined;
}

/** From the bytes of a log, cut anywhere, to its entries. Touches no file, and keeps only what has not ended yet. */
export class LogDecoder {
  #unreadable = 0;
  #offset = 0;
  readonly #reader: EntryReader;

  constructor({ stream, maxLineBytes = 1_048_576 }: LogDecoderOptions = {}) {
    this.#reader = new EntryReader({
      filter: new RecordFilter(stream, undefined, undefined),
      maxLineBytes,
      limitBytes: Number.POSITIVE_INFINITY,
      onUnreadable: () => {
        this.#unreadable++;
      },
    });
  }

  /** Takes the next bytes, which must not be changed afterwards, and gives the entries that end in them. */
  write(bytes: Uint8Array): readonly LogEntry[] {
    const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const offset = this.#offset;
    this.#offset += chunk.length;
    return this.#reader.push(chunk, offset) ?? [];
  }

  /** The log ends here: gives what has no end, as entries that are `partial`. */
  end(): readonly LogEntry[] {
    return this.#reader.end() ?? [];
  }

  /** How many lines were passed over, since they are in no format of a log. */
  get unreadable(): number {
    return this.#unreadable;
  }
}
