import type { LogStream } from "../records/header.js";
import { formatLogTime } from "../records/timestamp.js";

const newline = 10;
const carriageReturn = 13;

/** What of one stream waits for the end of its line. */
interface Held {
  pieces: Buffer[];
  bytes: number;
}

/**
 * From what a process prints to records, cut as containerd cuts them: lines longer than a piece may be become several with the tag
 * `P` and one with `F`; a carriage return before the newline is dropped; each stream waits for its own newlines.
 */
export class RecordSplitter {
  readonly #maxPieceBytes: number;
  readonly #now: () => bigint;
  readonly #held: Readonly<Record<LogStream, Held>> = {
    stdout: { pieces: [], bytes: 0 },
    stderr: { pieces: [], bytes: 0 },
  };

  constructor(maxPieceBytes: number, now: () => bigint) {
    this.#maxPieceBytes = maxPieceBytes;
    this.#now = now;
  }

  /** The records that a chunk completes, each with its newline. */
  split(stream: LogStream, chunk: Buffer): Buffer[] {
    const records: Buffer[] = [];
    let from = 0;
    for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, from)) {
      this.#hold(stream, chunk.subarray(from, at), records);
      records.push(this.#record(stream, "F"));
      from = at + 1;
    }
    this.#hold(stream, chunk.subarray(from), records);
    return records;
  }

  /** Records for what has no newline: the output has ended. */
  end(): Buffer[] {
    return (["stdout", "stderr"] as const).flatMap((stream) =>
      this.#held[stream].bytes > 0 ? [this.#record(stream, "P")] : [],
    );
  }

  #hold(stream: LogStream, piece: Buffer, records: Buffer[]): void {
    const held = this.#held[stream];
    let rest = piece;
    while (held.bytes + rest.length > this.#maxPieceBytes) {
      const room = this.#maxPieceBytes - held.bytes;
      this.#keep(held, rest.subarray(0, room));
      records.push(this.#record(stream, "P"));
      rest = rest.subarray(room);
    }
    this.#keep(held, rest);
  }

  #keep(held: Held, piece: Buffer): void {
    if (piece.length === 0) return;
    // Copied: the caller may use the memory again.
    held.pieces.push(Buffer.from(piece));
    held.bytes += piece.length;
  }

  #record(stream: LogStream, tag: "P" | "F"): Buffer {
    const held = this.#held[stream];
    const { pieces, bytes } = held;
    const endsInReturn = tag === "F" && pieces.at(-1)?.at(-1) === carriageReturn;
    const header = Buffer.from(`${formatLogTime(this.#now())} ${stream} ${tag} `);
    const length = bytes - (endsInReturn ? 1 : 0);
    const content = Buffer.concat(pieces, length);
    held.pieces = [];
    held.bytes = 0;
    return Buffer.concat([header, content, Buffer.of(newline)]);
  }
}
