import { sleep } from "../../core/index.js";
import type { Blocks } from "../files/blocks.js";
import { isMoved, logMissing } from "../files/errors.js";
import type { LogFileIdentity } from "../files/identity.js";
import { withoutLinks } from "../files/links.js";
import type { LogFile } from "../files/log-file.js";
import type { LogFiles, Successor } from "../files/log-files.js";
import type { Instant } from "../records/filter.js";
import type { Gate } from "../records/record-reader.js";
import { Liveness } from "./liveness.js";
import type { ResolvedReadOptions } from "./options.js";
import { findStart, gateOf, type Marks, type Start } from "./start.js";
import { Wakeups } from "./wakeups.js";

/** What a source gives, in order. */
export type SourceItem =
  /** What comes now is of another file, or of the same one anew. */
  | {
      readonly kind: "enter";
      readonly path: string;
      readonly file: LogFileIdentity;
      /** Whether it is that at the path: then all in it is later than any file that is gone. */
      readonly isNewest: boolean;
      readonly offset: number;
      readonly gate: Gate;
    }
  | { readonly kind: "bytes"; readonly bytes: Buffer; readonly offset: number; readonly room: number }
  /** The file ended, or was cut, and another follows. */
  | { readonly kind: "cut"; readonly why: "rotated" | "truncated" | "lost"; readonly path: string }
  /** A file is gone; of the rotated ones that are left, what is older than this was read already. */
  | { readonly kind: "lost"; readonly path: string; readonly since: Instant | undefined };

/** Why a log has no more, as a source knows. */
export type SourceEnd = "end_of_file" | "container_ended" | "log_gone" | "until";

/** How long the writer of a renamed file may still write to it, in milliseconds. */
const drainMs = 100;
/** How long a file may be away before its log is gone, in milliseconds. */
const goneAfterMs = 5_000;
/** How long a line may need to get to its file, in milliseconds. */
const lateMs = 1_000;

const noMarks: Marks = { stdout: { step: 0, offset: 0 }, stderr: { step: 0, offset: 0 } };

/** The bytes of a log's files, one after the other, and with `follow` as they come. */
export class LogSource {
  readonly #path: string;
  readonly #options: ResolvedReadOptions;
  readonly #signal: AbortSignal;
  readonly #blocks: Blocks;
  #wakeups: Wakeups | undefined;
  #liveness: Liveness | undefined;
  #missingSince: number | undefined;
  /** Whether the container has ended: then what is there now is all. */
  #isLast = false;

  constructor(path: string, options: ResolvedReadOptions, signal: AbortSignal, blocks: Blocks) {
    this.#path = path;
    this.#options = options;
    this.#signal = signal;
    this.#blocks = blocks;
  }

  async *items(): AsyncGenerator<SourceItem, SourceEnd, undefined> {
    try {
      const start = await this.#begin();
      return start ? yield* this.#read(start) : "container_ended";
    } finally {
      this.#wakeups?.close();
    }
  }

  /** Waits for a file to begin with; undefined when the container ended before it had one. */
  async #begin(): Promise<Start | undefined> {
    const { follow, wait, running } = this.#options;
    for (;;) {
      const isOver = this.#isLast;
      const start = await findStart(this.#path, this.#options, this.#signal);
      if (follow) this.#follow(start?.files.path ?? (await withoutLinks(this.#path)), running);
      if (start) return start;
      if (!follow || !wait) throw logMissing(this.#path);
      if (isOver) return undefined;
      if (this.#liveness?.hasEnded) this.#isLast = true;
      else await this.#wakeups?.wait(this.#signal);
    }
  }

  /** Begins to watch, once the path without links is known. */
  #follow(path: string, running: ResolvedReadOptions["running"]): void {
    if (this.#wakeups?.path !== path) {
      this.#wakeups?.close();
      this.#wakeups = new Wakeups(path, this.#options.pollMs);
    }
    if (running) this.#liveness ??= new Liveness(running, this.#signal, () => this.#wakeups?.wake());
  }

  async *#read({
    files,
    file: first,
    offset: from,
    marks: begins,
    lostAt,
  }: Start): AsyncGenerator<SourceItem, SourceEnd> {
    let [file, offset, step, marks] = [first, from, 0, begins];
    // Whether it was read to its end since another came after it.
    let isDrained = false;
    let wasRead = false;
    const enter = (): SourceItem => ({
      kind: "enter",
      path: file.path,
      file: file.identity,
      isNewest: file.path === files.path,
      offset,
      gate: gateOf(marks, step),
    });
    try {
      if (lostAt) yield { kind: "lost", path: files.path, since: lostAt };
      yield enter();
      for (;;) {
        if (wasRead && (await file.isRestarted(offset))) {
          yield { kind: "cut", why: "truncated", path: file.path };
          [offset, marks] = [0, noMarks];
          yield enter();
        }
        for await (const chunk of file.chunks(offset, this.#blocks)) {
          this.#signal.throwIfAborted();
          offset = chunk.offset + chunk.bytes.length;
          yield { kind: "bytes", ...chunk };
        }
        wasRead = this.#options.follow;
        const next = await this.#after(files, file);
        if (next === undefined) continue;
        if (next.kind === "file" || next.kind === "lost") {
          if (!file.compressed && !isDrained) {
            // Something may have been written to it after it was read, and before another came.
            isDrained = true;
            await next.file.close();
            // One that was followed by two is written by nobody.
            if (this.#options.follow && next.file.path === files.path) await sleep(drainMs, this.#signal);
            continue;
          }
          const [read, why] = [file, next.kind === "file" ? "rotated" : "lost"] as const;
          [file, offset, step, isDrained, wasRead] = [next.file, 0, step + 1, false, false];
          await read.close();
          yield { kind: "cut", why, path: file.path };
          if (why === "lost") {
            marks = noMarks;
            yield { kind: "lost", path: files.path, since: undefined };
          }
          yield enter();
          continue;
        }
        // A rotation may be taken back: then the next one is another.
        isDrained = false;
        const end = this.#endAt(next);
        if (end === "again") continue;
        if (end) return end;
        await this.#wakeups?.wait(this.#signal);
      }
    } finally {
      await file.close();
    }
  }

  /** What comes after a file; undefined when it has to be looked for once more. */
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

  /** Why nothing more is to come; "again" when the file has to be read to its end once more, undefined to wait. */
  #endAt({ kind }: Successor): SourceEnd | "again" | undefined {
    const { follow, untilNanos } = this.#options;
    if (!follow) return "end_of_file";
    if (this.#isLast) return "container_ended";
    if (this.#liveness?.hasEnded) {
      this.#isLast = true;
      return "again";
    }
    if (untilNanos !== undefined && BigInt(Date.now() - lateMs) * 1_000_000n > untilNanos) return "until";
    if (kind !== "missing") this.#missingSince = undefined;
    else this.#missingSince ??= performance.now();
    const isGone = this.#missingSince !== undefined && performance.now() - this.#missingSince >= goneAfterMs;
    return isGone && !this.#liveness ? "log_gone" : undefined;
  }
}
