import { constants } from "node:fs";
import { type FileHandle, mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { Writable } from "node:stream";
import {
  CriError,
  checkArgument,
  dateToNanos,
  OptionTable,
  openRegularFile,
  option,
} from "../../core/index.js";
import { logFailed } from "../files/errors.js";
import { Rotation } from "../files/rotation.js";
import type { LogEntry } from "../records/entry.js";
import type { LogStream } from "../records/record.js";
import { entryRecords } from "./entry-records.js";
import { RecordSplitter } from "./record-splitter.js";
import { openToResume, removeIncompleteRecord } from "./resuming.js";

const { O_APPEND, O_CREAT, O_WRONLY } = constants;

/** Options of a {@link LogWriter}. */
export interface LogWriterOptions {
  /**
   * The longest content of a record, in bytes. A longer line is split into several records.
   *
   * @default 16384, as in containerd
   */
  readonly maxPieceBytes?: number | undefined;
  /** The largest size of a file, in bytes. The writer rotates before a record that would exceed it. @default no rotation */
  readonly maxFileBytes?: number | undefined;
  /** How many files are kept, including the current one. @default 5, as in the kubelet */
  readonly maxFiles?: number | undefined;
  /** Whether rotated files are compressed with gzip, except for the newest. @default false */
  readonly compress?: boolean | undefined;
  /** The mode of new files. @default 0o640 */
  readonly mode?: number | undefined;
  /**
   * Whether to continue a log whose writer may have been killed at any moment. Removes an incomplete record at the end of the file.
   * If another process has renamed the file, continues in the newest rotated file until `reopen()`, as the earlier writer did.
   *
   * @default false: appends to the file at the path
   */
  readonly resume?: boolean | undefined;
  /** Returns the time of a record, in nanoseconds since 1970. @default the machine's time */
  readonly now?: (() => bigint) | undefined;
}

const writerTable = new OptionTable<LogWriterOptions>({
  maxPieceBytes: option.wholeNumber(1),
  maxFileBytes: option.wholeNumber(1),
  maxFiles: option.wholeNumber(1),
  compress: option.boolean,
  mode: option.wholeNumber(0, 0o7777),
  resume: option.boolean,
  now: option.callback,
});

const streamCheck = option.oneOf("stdout", "stderr");

/** Records to write, with the promise of their caller. */
interface WriteRequest {
  readonly records: readonly Buffer[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A writer of a container's log in CRI's format, for CRI servers and for tests. Output that arrives during a
 * write is collected, and written with the next one.
 */
export class LogWriter implements AsyncDisposable {
  /** The path of the current file. */
  readonly path: string;
  readonly #splitter: RecordSplitter;
  readonly #rotation: Rotation;
  readonly #maxFileBytes: number;
  readonly #mode: number;
  #file: FileHandle;
  #size: number;
  /** The requests of the next write; `undefined` when it has begun. */
  #batch: WriteRequest[] | undefined;
  /** The last operation on the file. Operations run one after the other. */
  #queue: Promise<void> = Promise.resolve();
  #cleanup: Promise<void> = Promise.resolve();
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
   * Opens a log for appending. Creates the file and its parent directories.
   *
   * @throws {CriError} `invalid_option`, `log_failed`.
   */
  static async open(path: string, options: LogWriterOptions = {}): Promise<LogWriter> {
    checkArgument("LogWriter.open", "path", path, option.nonEmptyString);
    writerTable.check("LogWriter.open", options);
    const { mode = 0o640, resume = false } = options;
    const { file, size } = resume ? await resumeAppending(path, mode) : await openForAppending(path, mode);
    return new LogWriter(path, file, size, options);
  }

  /**
   * Writes the output of a process. Resolves when the lines that end in `chunk` are in the file. The rest of it is held until
   * the next newline.
   *
   * @throws {CriError} `invalid_option`. `log_failed` when the lines could not be written; later calls try again.
   */
  async write(stream: LogStream, chunk: Uint8Array | string): Promise<void> {
    checkArgument("LogWriter.write", "stream", stream, streamCheck);
    checkArgument("LogWriter.write", "chunk", chunk, option.bytes);
    if (this.#closing) throw closedError(this.path);
    const bytes =
      typeof chunk === "string"
        ? Buffer.from(chunk)
        : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    return this.#append(this.#splitter.split(stream, bytes));
  }

  /**
   * Writes records as they are, each with its own time: entries that `readLogs` returned, with `maxLineBytes: 0` one per record.
   * Resolves when they are in the file.
   *
   * @throws {CriError} `invalid_option`. `log_failed` when they could not be written, or not all of them; later calls try again.
   */
  async writeEntries(
    entries: readonly Pick<LogEntry, "timeNanos" | "stream" | "partial" | "bytes">[],
  ): Promise<void> {
    const records = entryRecords("LogWriter.writeEntries", entries);
    if (this.#closing) throw closedError(this.path);
    return this.#append(records);
  }

  /** Returns a Node stream that writes to the log, for the output of a process. Ending it does not close the log. */
  writable(stream: LogStream): Writable {
    checkArgument("LogWriter.writable", "stream", stream, streamCheck);
    return new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        this.write(stream, chunk).then(() => done(), done);
      },
    });
  }

  /** Continues in a new file at the path, after the old one was renamed: the effect of CRI's ReopenContainerLog. */
  reopen(): Promise<void> {
    if (this.#closing) return Promise.reject(closedError(this.path));
    this.#batch = undefined;
    return this.#enqueue(() => this.#openNew());
  }

  /**
   * Renames the file and continues in a new one, regardless of its size. Resolves with its new path; with `undefined` when the
   * file did not exist any more.
   */
  async rotate(): Promise<string | undefined> {
    if (this.#closing) throw closedError(this.path);
    let name: string | undefined;
    this.#batch = undefined;
    await this.#enqueue(async () => {
      name = await this.#rotate();
    });
    await this.#cleanup;
    return name;
  }

  /** Writes the lines that have not ended, as partial records, and closes the file. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** As `close()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    try {
      await this.#append(this.#splitter.end());
    } finally {
      await this.#enqueue(() => this.#file.close());
      await this.#cleanup;
    }
  }

  #append(records: readonly Buffer[]): Promise<void> {
    if (records.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      // Requests that arrive during a write are written together afterwards.
      if (this.#batch === undefined) {
        const batch: WriteRequest[] = [];
        this.#batch = batch;
        this.#enqueue(() => this.#flush(batch)).catch(() => undefined);
      }
      this.#batch.push({ records, resolve, reject });
    });
  }

  async #flush(requests: readonly WriteRequest[]): Promise<void> {
    if (this.#batch === requests) this.#batch = undefined;
    try {
      let ready: Buffer[] = [];
      let bytes = 0;
      for (const record of requests.flatMap(({ records }) => records)) {
        if (this.#size + bytes > 0 && this.#size + bytes + record.length > this.#maxFileBytes) {
          await this.#writeOut(ready);
          [ready, bytes] = [[], 0];
          await this.#rotate();
        }
        ready.push(record);
        bytes += record.length;
      }
      await this.#writeOut(ready);
      for (const { resolve } of requests) resolve();
    } catch (error) {
      for (const { reject } of requests) reject(logFailed(this.path, error));
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
    await this.#openNew();
    // Concurrent with writes. The next rotation cleans up again if this fails.
    this.#cleanup = this.#cleanup.then(() => this.#rotation.cleanUp()).catch(() => undefined);
    return name;
  }

  async #openNew(): Promise<void> {
    const { file, size } = await openForAppending(this.path, this.#mode);
    const old = this.#file;
    [this.#file, this.#size] = [file, size];
    await old.close();
  }

  /** Runs an operation on the file after all earlier operations. */
  #enqueue(work: () => Promise<void>): Promise<void> {
    const done = this.#queue.then(work).catch((error: unknown) => {
      throw error instanceof CriError ? error : logFailed(this.path, error);
    });
    // A disk that is full now may have space for the next line.
    this.#queue = done.catch(() => undefined);
    return done;
  }
}

async function resumeAppending(path: string, mode: number): Promise<{ file: FileHandle; size: number }> {
  const file = await openToResume(path).catch((error: unknown) => {
    throw logFailed(path, error);
  });
  if (!file) return openForAppending(path, mode);
  try {
    return { file, size: await removeIncompleteRecord(file) };
  } catch (error) {
    await file.close();
    throw logFailed(path, error);
  }
}

async function openForAppending(path: string, mode: number): Promise<{ file: FileHandle; size: number }> {
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await openRegularFile(path, O_APPEND | O_CREAT | O_WRONLY, mode);
    return { file, size: (await file.stat()).size };
  } catch (error) {
    throw logFailed(path, error);
  }
}

function closedError(path: string): CriError {
  return logFailed(path, new Error("the writer is closed"));
}
