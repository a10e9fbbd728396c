// The copy of one container's log: from the engine's json-file log to a log in CRI's format, at the path that the kubelet chose.
//
// The engine's file is read, and not its API: that costs the engine nothing, works while the engine is down, and keeps the entries as
// they are. The file also buffers: what cannot be written now, since the disk is full, is copied later.
import { setTimeout as sleep } from "node:timers/promises";
import { isCriError } from "cri-sdk";
import { type LogCursor, type LogNotice, type LogReader, LogWriter, readLogs } from "cri-sdk/logs";
import { messageOf } from "../errors.js";
import { findResume } from "./resume.js";

/** How long `finish` waits. */
const finishMs = 5_000;
/** How long to wait after a failure before the next attempt. */
const retryMs = 1_000;
/** How often the engine's log is checked even if the system reports no change. */
const pollMs = 10_000;

export class LogCopy {
  /** Settles when the copy has ended: it is complete, or was stopped. Never rejects. */
  readonly ended: Promise<void>;
  readonly #from: string;
  readonly #to: string;
  readonly #onProblem: (text: string) => void;
  readonly #stopping = new AbortController();
  #hasExited = false;
  #finishing: Promise<void> | undefined;
  #reader: LogReader | undefined;
  /** The open copy; `undefined` between two attempts. */
  #writer: LogWriter | undefined;
  /** The last operation that opens or closes the copy. They run one after the other. */
  #lastOpening: Promise<unknown> = Promise.resolve();
  #lastProblem = "";

  constructor(from: string, to: string, onProblem: (text: string) => void) {
    this.#from = from;
    this.#to = to;
    this.#onProblem = onProblem;
    this.ended = this.#run();
  }

  /**
   * The container has exited, so that its log is complete: copies the rest. Resolves when that is done, but after 5 seconds at the
   * latest; what could not be written until then is copied later.
   */
  finish(): Promise<void> {
    this.#finishing ??= this.#finish();
    return this.#finishing;
  }

  async #finish(): Promise<void> {
    this.#hasExited = true;
    // Closing the reader ends its waiting for more lines.
    const rest = Promise.resolve(this.#reader?.close()).then(() => this.ended);
    const timeout = new AbortController();
    const late = sleep(finishMs, undefined, { signal: timeout.signal }).catch(() => undefined);
    await Promise.race([rest, late]);
    timeout.abort();
  }

  /** Continues in a new file at the path, after the kubelet has renamed the old one. */
  reopen(): Promise<void> {
    return this.#exclusively(async () => {
      const writer = this.#writer ?? (await LogWriter.open(this.#to, { resume: true }));
      try {
        await writer.reopen();
      } finally {
        if (writer !== this.#writer) await writer.close();
      }
    });
  }

  /** Ends the copy at once. Another one can continue it later. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.ended;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        await this.#copy(signal);
        return;
      } catch (error) {
        if (signal.aborted) return;
        this.#report(messageOf(error));
        const isGone = isCriError(error) && error.reason === "log_missing";
        if (isGone && this.#hasExited) return;
      }
      await sleep(retryMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Copies until the log is complete. If that fails, the next call continues after what was written. */
  async #copy(signal: AbortSignal): Promise<void> {
    const writer = await this.#open();
    try {
      const position = await findResume(this.#from, this.#to, signal);
      if (position === "not_found")
        this.#report("the last line of the copy is not in the engine's log, which is copied as a whole");
      let cursor: LogCursor | undefined = typeof position === "string" ? undefined : position;
      for (;;) {
        const follow = !this.#hasExited;
        const reader = readLogs(this.#from, {
          from: cursor,
          includeRotated: true,
          // Joins no pieces of lines: the copy has the same ones.
          maxLineBytes: 0,
          follow,
          pollMs,
          signal,
          onNotice: (notice) => this.#notice(notice),
        });
        this.#reader = reader;
        for await (const entries of reader.batches()) {
          await writer.writeEntries(entries);
          this.#lastProblem = "";
        }
        const { reason } = await reader.ended;
        if (!follow || reason === "log_gone") return;
        cursor = reader.cursor;
      }
    } finally {
      await this.#close(writer);
    }
  }

  #open(): Promise<LogWriter> {
    return this.#exclusively(async () => {
      this.#writer = await LogWriter.open(this.#to, { resume: true });
      return this.#writer;
    });
  }

  #close(writer: LogWriter): Promise<void> {
    return this.#exclusively(() => {
      this.#writer = undefined;
      return writer.close();
    });
  }

  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#lastOpening.then(work);
    this.#lastOpening = result.catch(() => undefined);
    return result;
  }

  #notice(notice: LogNotice): void {
    if (notice.kind === "lost") this.#report("the engine has removed lines before they were copied");
    if (notice.kind === "truncated") this.#report("the engine's log was truncated");
    if (notice.kind === "unreadable")
      this.#report(`skipped at byte ${notice.offset} of ${notice.path}: ${notice.line}`);
  }

  /** Reports a problem once, until lines were copied again. */
  #report(text: string): void {
    if (text !== this.#lastProblem) this.#onProblem(`the log ${this.#to}: ${text}`);
    this.#lastProblem = text;
  }
}
