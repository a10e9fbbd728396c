import type { LogStream } from "../records/record.js";
import { formatLogTime } from "../records/time.js";

const newline = 10;
const carriageReturn = 13;

/** The beginning of a line that has not ended. */
interface OpenLine {
  pieces: Buffer[];
  bytes: number;
}

/**
 * A splitter of process output into records, as in containerd. A line that is longer than `maxPieceBytes` becomes several
 * records with the tag `P` and one with `F`. A carriage return before a newline is dropped. The streams are split
 * independently.
 */
export class RecordSplitter {
  readonly #maxPieceBytes: number;
  readonly #now: () => bigint;
  readonly #held: Readonly<Record<LogStream, OpenLine>> = {
    stdout: { pieces: [], bytes: 0 },
    stderr: { pieces: [], bytes: 0 },
  };

  constructor(maxPieceBytes: number, now: () => bigint) {
    this.#maxPieceBytes = maxPieceBytes;
    this.#now = now;
  }

  /** Returns the records that a chunk completes, each with its newline. */
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

  /** Returns records for the lines that have not ended: the output is complete. */
  end(): Buffer[] {
    return (["stdout", "stderr"] as const).flatMap((stream) =>
      this.#held[stream].bytes > 0 ? [this.#record(stream, "P")] : [],
    );
  }

  #hold(stream: LogStream, piece: Buffer, records: Buffer[]): void {
    const held = this.#held[stream];
    let rest = piece;
    while (held.bytes + rest.length > this.#maxPieceBytes) {
      const available = this.#maxPieceBytes - held.bytes;
      this.#keep(held, rest.subarray(0, available));
      records.push(this.#record(stream, "P"));
      rest = rest.subarray(available);
    }
    this.#keep(held, rest);
  }

  #keep(held: OpenLine, piece: Buffer): void {
    if (piece.length === 0) return;
    // Copied, because the caller may reuse the memory.
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
