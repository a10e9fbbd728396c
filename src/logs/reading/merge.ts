import {
  abortError,
  ChangeSignal,
  cancelOnReturn,
  checkArgument,
  OptionTable,
  onAbort,
  option,
} from "../../core/index.js";
import type { LogEntry } from "../records/entry.js";
import type { LogCursor } from "../records/position.js";

/** A source of the entries of one log, usually a reader. */
export interface MergeableLog extends AsyncIterable<LogEntry> {
  /** Where to continue after the entry that was returned last. */
  readonly cursor?: LogCursor | undefined;
}

/** An entry of one of several logs. */
export interface MergedLogEntry {
  /** The name of its log: the key in the first argument of {@link mergeLogs}. */
  readonly source: string;
  /** The entry. */
  readonly entry: LogEntry;
  /**
   * Where its log continues after this entry, for the `from` of a later reader; the reader's own cursor is ahead of it.
   * Undefined for sources without a cursor.
   */
  readonly cursor: LogCursor | undefined;
}

/** Options of {@link mergeLogs}. */
export interface MergeLogsOptions {
  /**
   * How long the merge waits for a log without a new entry, in milliseconds, because its next entry may be earlier than those
   * of the other logs. An entry that arrives later is out of order.
   *
   * @default 200
   */
  readonly maxWaitMs?: number | undefined;
  /**
   * Cancels the merge and the reading of all logs: the merge fails with `aborted_by_caller`, or with `deadline` for a timeout.
   *
   * @default none
   */
  readonly signal?: AbortSignal | undefined;
}

const mergeTable = new OptionTable<MergeLogsOptions>({
  maxWaitMs: option.milliseconds,
  signal: option.signal,
});

const logsCheck = option.recordOf<MergeableLog>((value) =>
  typeof value === "object" && Symbol.asyncIterator in value
    ? undefined
    : "must be a reader of a log, or another async iterable of entries",
);

/** The next entry of a log, and the latest time at which it is returned. */
interface Head {
  readonly entry: LogEntry;
  readonly nanos: bigint;
  readonly cursor: LogCursor | undefined;
  readonly releaseAt: number;
}

/** One log, with at most one entry that was read ahead. */
interface Lane<S> {
  readonly source: S;
  readonly log: MergeableLog;
  readonly iterator: AsyncIterator<LogEntry>;
  head: Head | undefined;
  /** When the next entry was requested. */
  requestedAt: number;
}

/** Options of a {@link LogMerge}. */
export interface LogMergeOptions<S> {
  /** See {@link MergeLogsOptions.maxWaitMs}. */
  readonly maxWaitMs: number;
  /** Called when a log has ended. @default none */
  readonly onEnd?: ((source: S) => void) | undefined;
  /** Called when the reading of a log failed; may throw. @default the merge fails with the error */
  readonly onFailure?: ((source: S, error: unknown) => void) | undefined;
}

/** A merge by time of logs that are added while it runs. One entry of each log is held. */
export class LogMerge<S> {
  readonly #maxWaitMs: number;
  readonly #onEnd: (source: S) => void;
  readonly #onFailure: ((source: S, error: unknown) => void) | undefined;
  readonly #lanes = new Set<Lane<S>>();
  readonly #change = new ChangeSignal();
  #failure: { readonly error: unknown } | undefined;
  #isStarted = false;
  #isClosed = false;

  constructor({ maxWaitMs, onEnd, onFailure }: LogMergeOptions<S>) {
    this.#maxWaitMs = maxWaitMs;
    this.#onEnd = onEnd ?? (() => undefined);
    this.#onFailure = onFailure;
  }

  /** How many logs are being read. */
  get size(): number {
    return this.#lanes.size;
  }

  /** Adds a log, which is read as soon as the entries are. */
  add(source: S, log: MergeableLog): void {
    const iterator = log[Symbol.asyncIterator]();
    const lane: Lane<S> = { source, log, iterator, head: undefined, requestedAt: 0 };
    this.#lanes.add(lane);
    if (this.#isStarted) this.#pull(lane);
  }

  /** No more logs are added: the merge ends when all logs have ended. */
  close(): void {
    this.#isClosed = true;
    this.#change.notify();
  }

  /** Ends the merge with an error. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#change.notify();
  }

  /** The entries of all logs. Ends the reading of all logs when it ends. Called once. */
  async *entries(
    signal: AbortSignal,
  ): AsyncGenerator<
    { readonly source: S; readonly entry: LogEntry; readonly cursor: LogCursor | undefined },
    void,
    undefined
  > {
    if (signal.aborted) throw abortError(signal);
    const removeCallback = onAbort(signal, this.#change.notify);
    this.#isStarted = true;
    try {
      for (const lane of this.#lanes) this.#pull(lane);
      for (;;) {
        if (signal.aborted) throw abortError(signal);
        if (this.#failure) throw this.#failure.error;
        const first = earliest(this.#lanes);
        if (first?.head === undefined) {
          if (this.#isClosed && this.#lanes.size === 0) return;
          await this.#change.wait();
          continue;
        }
        const { entry, cursor, releaseAt } = first.head;
        let waitUntil = 0;
        for (const { head, requestedAt } of this.#lanes)
          if (head === undefined) waitUntil = Math.max(waitUntil, releaseAt, requestedAt + this.#maxWaitMs);
        const waitMs = waitUntil - performance.now();
        if (waitMs > 0) {
          await this.#change.wait({ timeoutMs: Math.ceil(waitMs) });
          continue;
        }
        this.#pull(first);
        yield { source: first.source, entry, cursor };
      }
    } finally {
      removeCallback();
      await Promise.allSettled([...this.#lanes].map(({ iterator }) => iterator.return?.()));
    }
  }

  #pull(lane: Lane<S>): void {
    lane.head = undefined;
    lane.requestedAt = performance.now();
    lane.iterator.next().then(
      ({ done, value }) => {
        if (done) this.#end(lane);
        else lane.head = headOf(value, lane.log.cursor, this.#maxWaitMs);
        this.#change.notify();
      },
      (error: unknown) => {
        try {
          if (this.#onFailure) this.#onFailure(lane.source, error);
          else this.fail(error);
        } catch (failure) {
          this.fail(failure);
        }
        this.#end(lane);
        this.#change.notify();
      },
    );
  }

  #end(lane: Lane<S>): void {
    this.#lanes.delete(lane);
    this.#onEnd(lane.source);
  }
}

function earliest<S>(lanes: Iterable<Lane<S>>): Lane<S> | undefined {
  let first: Lane<S> | undefined;
  for (const lane of lanes)
    if (lane.head && (first?.head === undefined || lane.head.nanos < first.head.nanos)) first = lane;
  return first;
}

/**
 * Merges several logs by time; entries of equal times come in the order of the logs in the argument. One entry of each log is
 * held, so the memory is bounded. A log without a new entry delays the others for at most `maxWaitMs`. Leaving the loop ends
 * the reading of all logs, and so does an error of one of them. To continue later, store the `cursor` of the last entry of each
 * log.
 *
 * @throws {CriError} `invalid_option` at once; during the iteration, the error of a log.
 */
export function mergeLogs(
  logs: Readonly<Record<string, MergeableLog>>,
  options: MergeLogsOptions = {},
): AsyncIterableIterator<MergedLogEntry> & AsyncDisposable {
  checkArgument("mergeLogs", "logs", logs, logsCheck);
  mergeTable.check("mergeLogs", options);
  const { maxWaitMs = 200, signal } = options;
  return cancelOnReturn((stop) => {
    const merge = new LogMerge<string>({ maxWaitMs });
    for (const [source, log] of Object.entries(logs)) merge.add(source, log);
    merge.close();
    return merge.entries(stop);
  }, signal);
}

/**
 * Determines how long an entry may wait for earlier entries of the other logs: not at all if it is older than `maxWaitMs`, since
 * those can be read by now; otherwise until it is that old.
 */
function headOf(entry: LogEntry, cursor: LogCursor | undefined, maxWaitMs: number): Head {
  const ageMs = Date.now() - entry.time.getTime();
  const releaseAt = performance.now() + Math.min(maxWaitMs, Math.max(0, maxWaitMs - ageMs));
  return { entry, nanos: entry.timeNanos, cursor, releaseAt };
}
