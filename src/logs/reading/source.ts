import { sleep } from "../../core/index.js";
import { DamagedFile, isMoved, logMissing } from "../files/errors.js";
import type { LogFileIdentity } from "../files/identity.js";
import type { Chunk, LogFile, ReadBuffers } from "../files/log-file.js";
import { type LogFiles, resolveLinks, type Successor } from "../files/log-files.js";
import type { StartOffsets } from "../records/parser.js";
import type { Instant } from "../records/time.js";
import { Liveness, LogWatch } from "./following.js";
import type { ResolvedReadOptions } from "./options.js";
import { findStart, type Start, startOffsetsOf } from "./start.js";
import type { StreamStarts } from "./tail.js";

/** What a source yields, in order. */
export type SourceItem =
  /** The next chunks belong to another file, or to the same one from its beginning. */
  | {
      readonly kind: "enter";
      readonly path: string;
      readonly file: LogFileIdentity;
      /** Whether it is the file at the log's path: then all of its records are later than any file that was deleted. */
      readonly isNewest: boolean;
      readonly offset: number;
      readonly starts: StartOffsets;
    }
  | { readonly kind: "chunk"; readonly chunk: Chunk }
  /** The file ended or was truncated. The next item enters the file at `path`. */
  | { readonly kind: "end"; readonly why: "rotated" | "truncated" | "lost"; readonly path: string }
  /** The rest of the file, from `offset` on, cannot be decompressed. */
  | { readonly kind: "damaged"; readonly path: string; readonly offset: number; readonly message: string }
  /** A file was deleted before it was read. In the rotated files that remain, records before `since` were read already. */
  | { readonly kind: "lost"; readonly path: string; readonly since: Instant | undefined };

/** Why a log has no more records, as far as a source can tell. */
export type SourceEnd = "end_of_file" | "container_ended" | "log_gone" | "until";

/** How long the runtime may still write to a file that was renamed, in milliseconds. */
const drainMs = 100;
/** How long the file may be missing before a log without `running` ends, in milliseconds. */
const goneAfterMs = 5_000;
/** The maximum delay until a logged line is in its file, in milliseconds. */
const maxDelayMs = 1_000;

const fromBeginning: StreamStarts = { stdout: { step: 0, offset: 0 }, stderr: { step: 0, offset: 0 } };

/** The bytes of a log's files, one after the other; with `follow`, as they are written. */
export class LogSource {
  readonly #path: string;
  readonly #options: ResolvedReadOptions;
  readonly #signal: AbortSignal;
  readonly #buffers: ReadBuffers;
  #watch: LogWatch | undefined;
  #liveness: Liveness | undefined;
  #missingSince: number | undefined;
  /** Whether the container has ended: then the files are complete, and are read to their end once more. */
  #isComplete = false;

  constructor(path: string, options: ResolvedReadOptions, signal: AbortSignal, buffers: ReadBuffers) {
    this.#path = path;
    this.#options = options;
    this.#signal = signal;
    this.#buffers = buffers;
  }

  async *items(): AsyncGenerator<SourceItem, SourceEnd, undefined> {
    try {
      const start = await this.#begin();
      return start ? yield* this.#read(start) : "container_ended";
    } finally {
      this.#watch?.close();
    }
  }

  /** Waits for a file to begin with; `undefined` when the container ended before it had one. */
  async #begin(): Promise<Start | undefined> {
    const { follow, wait, running } = this.#options;
    for (;;) {
      const isOver = this.#isComplete;
      const start = await findStart(this.#path, this.#options, this.#signal);
      if (follow) this.#follow(start?.files.path ?? (await resolveLinks(this.#path)), running);
      if (start) return start;
      if (!follow || !wait) throw logMissing(this.#path);
      if (isOver) return undefined;
      if (this.#liveness?.hasEnded) this.#isComplete = true;
      else await this.#watch?.wait(this.#signal);
    }
  }

  /** Starts watching, once the path without links is known. */
  #follow(path: string, running: ResolvedReadOptions["running"]): void {
    if (this.#watch?.path !== path) {
      this.#watch?.close();
      this.#watch = new LogWatch(path, this.#options.pollMs);
    }
    if (running) this.#liveness ??= new Liveness(running, this.#signal, () => this.#watch?.notify());
  }

  async *#read(start: Start): AsyncGenerator<SourceItem, SourceEnd> {
    const { files, lostAt } = start;
    let { file, offset, starts } = start;
    let step = 0;
    // Whether the file was read to its end after its successor appeared.
    let isDrained = false;
    let wasRead = false;
    let isDamaged = false;
    const enter = (): SourceItem => ({
      kind: "enter",
      path: file.path,
      file: file.identity,
      isNewest: file.path === files.path,
      offset,
      starts: startOffsetsOf(starts, step),
    });
    try {
      if (lostAt) yield { kind: "lost", path: files.path, since: lostAt };
      yield enter();
      for (;;) {
        if (wasRead && (await file.isTruncated(offset))) {
          yield { kind: "end", why: "truncated", path: file.path };
          [offset, starts] = [0, fromBeginning];
          yield enter();
        }
        try {
          // The end of a damaged file stays the same.
          for await (const chunk of isDamaged ? [] : file.chunks(offset, this.#buffers)) {
            this.#signal.throwIfAborted();
            offset = chunk.offset + chunk.bytes.length;
            yield { kind: "chunk", chunk };
          }
        } catch (error) {
          if (!(error instanceof DamagedFile)) throw error;
          isDamaged = true;
          yield { kind: "damaged", path: file.path, offset, message: error.message };
        }
        wasRead = this.#options.follow;
        const next = await this.#after(files, file);
        if (next === undefined) continue;
        if (next.kind === "file" || next.kind === "lost") {
          if (!file.compressed && !isDrained) {
            // The runtime may have written to the file after it was read, and before the next one appeared.
            isDrained = true;
            await next.file.close();
            // No runtime writes to a file that was rotated twice.
            if (this.#options.follow && next.file.path === files.path) await sleep(drainMs, this.#signal);
            continue;
          }
          const [read, why] = [file, next.kind === "file" ? "rotated" : "lost"] as const;
          [file, offset, step] = [next.file, 0, step + 1];
          [isDrained, wasRead, isDamaged] = [false, false, false];
          await read.close();
          yield { kind: "end", why, path: file.path };
          if (why === "lost") {
            starts = fromBeginning;
            yield { kind: "lost", path: files.path, since: undefined };
          }
          yield enter();
          continue;
        }
        // A rotation may be undone: then the successor is another file.
        isDrained = false;
        const end = this.#endAt(next);
        if (end === "again") continue;
        if (end) return end;
        await this.#watch?.wait(this.#signal);
      }
    } finally {
      await file.close();
    }
  }

  /** Returns what follows a file; `undefined` when the search must be repeated. */
  async #after(files: LogFiles, file: LogFile): Promise<Successor | undefined> {
    this.#signal.throwIfAborted();
    try {
      return await files.after(file);
    } catch (error) {
      if (!isMoved(error)) throw error;
      await sleep(5, this.#signal);
      return undefined;
    }
  }

  /** Returns why the log ends here; "again" when the file must be read to its end once more, `undefined` to wait. */
  #endAt({ kind }: Successor): SourceEnd | "again" | undefined {
    const { follow, untilNanos } = this.#options;
    if (!follow) return "end_of_file";
    if (this.#isComplete) return "container_ended";
    if (this.#liveness?.hasEnded) {
      this.#isComplete = true;
      return "again";
    }
    if (untilNanos !== undefined && BigInt(Date.now() - maxDelayMs) * 1_000_000n > untilNanos) return "until";
    if (kind !== "missing") this.#missingSince = undefined;
    else this.#missingSince ??= performance.now();
    const isGone = this.#missingSince !== undefined && performance.now() - this.#missingSince >= goneAfterMs;
    return isGone && !this.#liveness ? "log_gone" : undefined;
  }
}
