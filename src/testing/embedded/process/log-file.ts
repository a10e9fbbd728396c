import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import type { Clock } from "../clock.js";

/** containerd's default for the longest piece of a line that gets a record of its own. */
const maxContentBytes = 16_384;
const newline = 10;
const return_ = 13;

/**
 * A container's log, in CRI's format: a time, the stream, `P` for a piece that more follows or `F` for the end of a line,
 * the text. Pieces are cut as containerd cuts them: at 16 KiB, with a carriage return before the newline taken away.
 */
export class LogFile {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #pending = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  readonly #pendingBytes = { stdout: 0, stderr: 0 };
  #file: FileHandle;
  /** The writes so far, one after the other. */
  #written: Promise<void> = Promise.resolve();

  private constructor(path: string, file: FileHandle, clock: Clock) {
    this.#path = path;
    this.#file = file;
    this.#clock = clock;
  }

  /** Opens a log to append to, and makes the folders above it. */
  static async open(path: string, clock: Clock): Promise<LogFile> {
    return new LogFile(path, await openForAppending(path), clock);
  }

  /** Takes what a process printed; resolves when the lines that it ended are in the file. */
  write(stream: "stdout" | "stderr", chunk: Buffer): Promise<void> {
    const records: Buffer[] = [];
    let from = 0;
    for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, from)) {
      this.#hold(stream, chunk.subarray(from, at), records);
      records.push(...this.#line(stream, "F"));
      from = at + 1;
    }
    this.#hold(stream, chunk.subarray(from), records);
    return records.length === 0 ? this.#written : this.#append(Buffer.concat(records));
  }

  /** Goes on in a new file at the same path: the old one was moved away. */
  reopen(): Promise<void> {
    return this.#then(async () => {
      const file = await openForAppending(this.#path);
      await this.#file.close();
      this.#file = file;
    });
  }

  /** Writes what waits for the end of its line, and closes the file. */
  close(): Promise<void> {
    const rest = (["stdout", "stderr"] as const).flatMap((stream) =>
      this.#pendingBytes[stream] > 0 ? this.#line(stream, "P") : [],
    );
    if (rest.length > 0) this.#append(Buffer.concat(rest)).catch(() => undefined);
    return this.#then(() => this.#file.close());
  }

  /** Keeps a piece until its line is whole, or as long as a piece may be. */
  #hold(stream: "stdout" | "stderr", piece: Buffer, records: Buffer[]): void {
    let rest = piece;
    while (this.#pendingBytes[stream] + rest.byteLength > maxContentBytes) {
      const room = maxContentBytes - this.#pendingBytes[stream];
      this.#keep(stream, rest.subarray(0, room));
      records.push(...this.#line(stream, "P"));
      rest = rest.subarray(room);
    }
    if (rest.byteLength > 0) this.#keep(stream, Buffer.from(rest));
  }

  #keep(stream: "stdout" | "stderr", piece: Buffer): void {
    this.#pending[stream].push(piece);
    this.#pendingBytes[stream] += piece.byteLength;
  }

  #line(stream: "stdout" | "stderr", tag: "P" | "F"): Buffer[] {
    const head = Buffer.from(`${formatTime(this.#clock.now())} ${stream} ${tag} `);
    let content = Buffer.concat(this.#pending[stream]);
    if (tag === "F" && content.at(-1) === return_) content = content.subarray(0, -1);
    this.#pending[stream] = [];
    this.#pendingBytes[stream] = 0;
    return [head, content, Buffer.of(newline)];
  }

  #append(bytes: Buffer): Promise<void> {
    return this.#then(async () => {
      await this.#file.appendFile(bytes);
    });
  }

  #then(work: () => Promise<void>): Promise<void> {
    const done = this.#written.then(work);
    // A disk that is full for one line need not be for the next.
    this.#written = done.catch(() => undefined);
    return done;
  }
}

async function openForAppending(path: string): Promise<FileHandle> {
  await mkdir(dirname(path), { recursive: true });
  return open(path, "a", 0o640);
}

/** RFC 3339 with nanoseconds, in UTC. */
function formatTime(nanos: bigint): string {
  const seconds = new Date(Number(nanos / 1_000_000n)).toISOString().slice(0, 19);
  return `${seconds}.${String(nanos % 1_000_000_000n).padStart(9, "0")}Z`;
}
