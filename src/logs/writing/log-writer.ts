import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import { Writable } from "node:stream";
import { CriError, dateToNanos, invalidOption } from "../../core/index.js";
import { logFailed } from "../files/errors.js";
import type { LogStream } from "../records/header.js";
import { RecordSplitter } from "./record-splitter.js";
import { Rotation } from "./rotation.js";

/** Options of a {@link LogWriter}. */
export interface LogWriterOptions {
  /** The longest content of a record, in bytes; a longer line is split. @default 16384, as containerd's */
  readonly maxPieceBytes?: number | undefined;
  /** The size in bytes past which no record is written to a file; the writer rotates before that. @default no rotation */
  readonly maxFileBytes?: number | undefined;
  /** How many files to keep, the one that is written included. @default 5, as the kubelet's */
  readonly maxFiles?: number | undefined;
  /** Whether rotated files but the newest are compressed by gzip. @default false */
  readonly compress?: boolean | undefined;
  /** The mode of new files. @default 0o640 */
  readonly mode?: number | undefined;
  /** The time for a record, in nanoseconds since 1970. @default the machine's */
  readonly now?: (() => bigint) | undefined;
}

/** Records that wait to be written, and who waits for them. */
interface Job {
  readonly records: readonly Buffer[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Writes a container's log in CRI's format, as a runtime does: for servers, and for tests. What is given while the file is busy is written
 * with one call.
 */
export class LogWriter implements AsyncDisposable {
  /** The file that is written. */
  readonly path: string;
  readonly #splitter: RecordSplitter;
  readonly #rotation: Rotation;
  readonly #maxFileBytes: number;
  readonly #mode: number;
  #file: FileHandle;
  #size: number;
  /** What will be written next, with one call; undefined when that has begun. */
  #batch: Job[] | undefined;
  /** What is done with the file, one after the other. */
  #work: Promise<void> = Promise.resolve();
  #tidying: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;

  private constructor(path: string, file: FileHandle, size: number, options: LogWriterOptions) {
    const { maxPieceBytes = 16_384, maxFileBytes, maxFiles = 5, compress = false, mode = 0o640 } = options;
    this.path = path;
    this.#splitter = new RecordSplitter(maxPieceBytes, options.now ?? (() => dateToNanos(new Date())));
    this.#rotation = new Rotation(path, maxFiles, compress);
    this.#maxFileBytes = maxFileBytes ?? Number.POSITIVE_INFINITY;
    this.#mode = mode;
    this.#file = file;
    this.#size = size;
  }

  /**
   * Opens a log to append to, and makes the folders above it.
   *
   * @throws {CriError} `invalid_option`, `log_failed`.
   */
  static async open(path: string, options: LogWriterOptions = {}): Promise<LogWriter> {
    for (const name of ["maxPieceBytes", "maxFileBytes", "maxFiles"] as const) {
      const value = options[name];
      if (value !== undefined && !(Number.isInteger(value) && value >= 1))
        throw invalidOption(name, value, "must be a whole number, 1 or more");
    }
    const { file, size } = await openForAppending(path, options.mode ?? 0o640);
    return new LogWriter(path, file, size, options);
  }

  /**
   * Takes what a process printed. Resolves when the lines that it ended are in the file; what comes after the last newline waits for the
   * next.
   *
   * @throws {CriError} `log_failed` when they could not be written; later ones are tried anew.
   */
  write(stream: LogStream, chunk: Uint8Array | string): Promise<void> {
    if (this.#closing) return Promise.reject(closed(this.path));
    const bytes =
      typeof chunk === "string"
        ? Buffer.from(chunk)
        : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    return this.#append(this.#splitter.split(stream, bytes));
  }

  /** A stream of Node that writes to the log, to pipe a process's output into. Its end does not close the log. */
  writable(stream: LogStream): Writable {
    return new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        this.write(stream, chunk).then(() => done(), done);
      },
    });
  }

  /** Goes on in a new file at the path, for somebody renamed the old one: what CRI's ReopenContainerLog asks for. */
  reopen(): Promise<void> {
    if (this.#closing) return Promise.reject(closed(this.path));
    this.#batch = undefined;
    return this.#then(() => this.#openAnew());
  }

  /**
   * Renames the file away and goes on in a new one, whatever its size. Resolves with its new name; with undefined when somebody
   * had taken the file away.
   */
  async rotate(): Promise<string | undefined> {
    if (this.#closing) throw closed(this.path);
    let name: string | undefined;
    this.#batch = undefined;
    await this.#then(async () => {
      name = await this.#rotate();
    });
    await this.#tidying;
    return name;
  }

  /** Writes what waits for the end of its line, as pieces without an end, and closes the file. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    try {
      await this.#append(this.#splitter.end());
    } finally {
      await this.#then(() => this.#file.close());
      await this.#tidying;
    }
  }

  #append(records: readonly Buffer[]): Promise<void> {
    if (records.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      // Whatever comes while the file is busy is written at once, after that.
      if (this.#batch === undefined) {
        const batch: Job[] = [];
        this.#batch = batch;
        this.#then(() => this.#flush(batch)).catch(() => undefined);
      }
      this.#batch.push({ records, resolve, reject });
    });
  }

  async #flush(jobs: readonly Job[]): Promise<void> {
    if (this.#batch === jobs) this.#batch = undefined;
    try {
      let ready: Buffer[] = [];
      let bytes = 0;
      for (const record of jobs.flatMap(({ records }) => records)) {
        if (this.#size + bytes > 0 && this.#size + bytes + record.length > this.#maxFileBytes) {
          await this.#writeOut(ready);
          [ready, bytes] = [[], 0];
          await this.#rotate();
        }
        ready.push(record);
        bytes += record.length;
      }
      await this.#writeOut(ready);
      for (const { resolve } of jobs) resolve();
    } catch (error) {
      for (const { reject } of jobs) reject(logFailed(this.path, error));
    }
  }

  async #writeOut(records: readonly Buffer[]): Promise<void> {
    if (records.length === 0) return;
    const bytes = Buffer.concat(records);
    await this.#file.appendFile(bytes);
    this.#size += bytes.length;
  }

  async #rotate(): Promise<string | undefined> {
    const name = await this.#rotation.moveAway();
    await this.#openAnew();
    // Beside the writing, which need not wait for it. What fails is tried again after the next rotation.
    this.#tidying = this.#tidying.then(() => this.#rotation.tidy()).catch(() => undefined);
    return name;
  }

  async #openAnew(): Promise<void> {
    const { file, size } = await openForAppending(this.path, this.#mode);
    const old = this.#file;
    [this.#file, this.#size] = [file, size];
    await old.close();
  }

  /** Does something with the file after all that was asked for before, and before all that is asked for later. */
  #then(work: () => Promise<void>): Promise<void> {
    const done = this.#work.then(work).catch((error: unknown) => {
      throw error instanceof CriError ? error : logFailed(this.path, error);
    });
    // A disk that is full for one line need not be for the next.
    this.#work = done.catch(() => undefined);
    return done;
  }
}

async function openForAppending(path: string, mode: number): Promise<{ file: FileHandle; size: number }> {
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(path, "a", mode);
    return { file, size: (await file.stat()).size };
  } catch (error) {
    throw logFailed(path, error);
  }
}

function closed(path: string): CriError {
  return logFailed(path, new Error("the writer is closed"));
}
