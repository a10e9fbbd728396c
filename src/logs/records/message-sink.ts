import type { SinkOptions } from "./entry-sink.js";
import type { RecordSink, SinkStop } from "./parser.js";
import { noOpenLines } from "./position.js";
import type { CriRecord } from "./record.js";
import type { TimeRange } from "./time.js";

/**
 * A sink that collects the bytes of messages, each line with its newline: what the container printed. Moves the messages of a
 * chunk together in the memory of the chunk, because a move costs less than an allocation.
 */
export class MessageSink implements RecordSink {
  readonly openLines = noOpenLines;
  stop: SinkStop | undefined;
  readonly #times: TimeRange;
  readonly #reuse: boolean;
  readonly #isLimited: boolean;
  #remainingBytes: number;
  #pieces: Buffer[] = [];
  /** The memory of the records that are being collected. The bytes from `#from` to `#to` are the last piece. */
  #memory: Buffer = Buffer.alloc(0);
  #from = 0;
  #to = 0;

  /** With `reuse`, `take` returns the memory of the chunk, which is overwritten by later chunks; otherwise a copy. */
  constructor({ times, limitBytes }: SinkOptions, reuse: boolean) {
    this.#times = times;
    this.#reuse = reuse;
    this.#isLimited = limitBytes !== Number.POSITIVE_INFINITY;
    this.#remainingBytes = limitBytes;
    this.#checkStop();
  }

  record(record: CriRecord): void {
    const { bytes, contentAt, end, endsLine } = record;
    if (this.#times.isLimited && !this.#times.includes(record)) {
      this.#checkStop();
      return;
    }
    if (bytes !== this.#memory) {
      this.#endPiece();
      this.#memory = bytes;
      this.#from = record.at;
      this.#to = record.at;
    }
    let length = end - contentAt + (endsLine ? 1 : 0);
    if (this.#isLimited) {
      length = Math.min(length, this.#remainingBytes);
      this.#remainingBytes -= length;
      this.#checkStop();
    }
    // A message is shorter than its record, so no record is overwritten that was not parsed yet.
    bytes.copyWithin(this.#to, contentAt, contentAt + length);
    this.#to += length;
  }

  flush(): void {}

  /** Returns the messages that were collected since the last call; `undefined` for none. */
  take(): Buffer | undefined {
    this.#endPiece();
    const pieces = this.#pieces;
    this.#pieces = [];
    if (pieces.length === 0) return undefined;
    return this.#reuse && pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
  }

  #checkStop(): void {
    if (this.#remainingBytes <= 0) this.stop = { reason: "limit", openLines: noOpenLines };
    else if (this.#times.isPast) this.stop = { reason: "until", openLines: noOpenLines };
  }

  #endPiece(): void {
    if (this.#to > this.#from) this.#pieces.push(this.#memory.subarray(this.#from, this.#to));
    this.#from = this.#to;
  }
}
