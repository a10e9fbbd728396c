import { invalidOption, maxTimerMs, stoppedError, untilBreak } from "../../core/index.js";
import type { LogEntry } from "../records/entry.js";
import type { LogCursor } from "./cursor.js";

/** What gives the entries of one log; a reader, most often. */
export interface MergeableLog extends AsyncIterable<LogEntry> {
  /** Where to go on after the entry that was given last. */
  readonly cursor?: LogCursor | undefined;
}

/** An entry of one of several logs. */
export interface MergedLogEntry {
  /** The name under which its log was given. */
  readonly source: string;
  readonly entry: LogEntry;
  /**
   * Where its log goes on after this entry, for the `from` of a later reader: the reader's own cursor is ahead of it. Undefined
   * for what is no reader.
   */
  readonly cursor: LogCursor | undefined;
}

/** Options of {@link mergeLogs}. */
export interface MergeLogsOptions {
  /**
   * How long, in milliseconds, the others wait for a log that has nothing to give yet, should it come with an earlier entry. What
   * comes later than that comes out of order.
   *
   * @default 200
   */
  readonly maxWaitMs?: number | undefined;
  /** Stops the merging, and all its logs: it fails with `aborted_by_caller`, or `deadline` for a timeout. @default none */
  readonly signal?: AbortSignal | undefined;
}

/** The next entry of a log, and when that may be given at the latest. */
interface Head {
  readonly entry: LogEntry;
  readonly nanos: bigint;
  readonly cursor: LogCursor | undefined;
  readonly releaseAt: number;
}

/** One log, with at most one entry in hand. */
interface Lane {
  readonly source: string;
  readonly log: MergeableLog;
  readonly iterator: AsyncIterator<LogEntry>;
  head: Head | undefined;
  /** When the next entry was asked for. */
  askedAt: number;
  isOver: boolean;
}

/**
 * Merges several logs by time; of equal times in the order in which they were given. The logs of an object's fields, by whatever
 * gives entries: readers, most often. One entry of each is held, so memory is bounded; a log that is silent holds the others up
 * for `maxWaitMs` at most. Leaving the loop, or a log that fails, ends all of them. To go on later, keep the `cursor` of the last
 * entry of each log.
 *
 * @throws {CriError} `invalid_option` at once; while it is read whatever one of the logs fails with.
 */
export function mergeLogs(
  logs: Readonly<Record<string, MergeableLog>>,
  { maxWaitMs = 200, signal }: MergeLogsOptions = {},
): AsyncIterableIterator<MergedLogEntry> & AsyncDisposable {
  if (!(maxWaitMs >= 0)) throw invalidOption("maxWaitMs", maxWaitMs, "must be 0 or more");
  return untilBreak((stop) => merge(logs, maxWaitMs, stop), signal);
}

async function* merge(
  logs: Readonly<Record<string, MergeableLog>>,
  maxWaitMs: number,
  signal: AbortSignal,
): AsyncGenerator<MergedLogEntry, void, undefined> {
  if (signal.aborted) throw stoppedError(signal);
  const bell = new Bell();
  const lanes = Object.entries(logs).map(
    ([source, log]): Lane => ({
      source,
      log,
      iterator: log[Symbol.asyncIterator](),
      head: undefined,
      askedAt: 0,
      isOver: false,
    }),
  );
  const failures: unknown[] = [];
  const pull = (lane: Lane): void => {
    lane.head = undefined;
    lane.askedAt = performance.now();
    lane.iterator.next().then(
      ({ done, value }) => {
        if (done) lane.isOver = true;
        else lane.head = headOf(value, lane.log.cursor, maxWaitMs);
        bell.ring();
      },
      (error: unknown) => {
        lane.isOver = true;
        failures.push(error);
        bell.ring();
      },
    );
  };
  const stop = () => bell.ring();
  signal.addEventListener("abort", stop, { once: true });
  try {
    for (const lane of lanes) pull(lane);
    for (;;) {
      if (failures.length > 0) throw failures[0];
      if (signal.aborted) throw stoppedError(signal);
      const first = earliest(lanes);
      if (first?.head === undefined) {
        if (lanes.every(({ isOver }) => isOver)) return;
        await bell.wait();
        continue;
      }
      const { entry, cursor, releaseAt } = first.head;
      const silent = lanes.filter(({ head, isOver }) => head === undefined && !isOver);
      const waitMs =
        Math.max(releaseAt, ...silent.map(({ askedAt }) => askedAt + maxWaitMs)) - performance.now();
      if (silent.length > 0 && waitMs > 0) {
        await bell.wait(waitMs);
        continue;
      }
      pull(first);
      yield { source: first.source, entry, cursor };
    }
  } finally {
    signal.removeEventListener("abort", stop);
    bell.close();
    await Promise.allSettled(lanes.map(({ iterator }) => iterator.return?.()));
  }
}

function earliest(lanes: readonly Lane[]): Lane | undefined {
  let first: Lane | undefined;
  for (const lane of lanes)
    if (lane.head && (first?.head === undefined || lane.head.nanos < first.head.nanos)) first = lane;
  return first;
}

/** An entry of long ago need not wait: whatever is earlier was there to be read. One of just now must, for the whole time. */
function headOf(entry: LogEntry, cursor: LogCursor | undefined, maxWaitMs: number): Head {
  const ageMs = Date.now() - entry.time.getTime();
  const releaseAt = performance.now() + Math.min(maxWaitMs, Math.max(0, maxWaitMs - ageMs));
  return { entry, nanos: entry.timeNanos, cursor, releaseAt };
}

/** Something that one waits for and others ring. */
class Bell {
  #ring: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;

  ring(): void {
    this.#ring?.();
  }

  wait(ms?: number): Promise<void> {
    return new Promise((resolve) => {
      this.#ring = () => {
        this.close();
        resolve();
      };
      if (ms !== undefined) this.#timer = setTimeout(() => this.ring(), Math.min(Math.ceil(ms), maxTimerMs));
    });
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#ring = undefined;
  }
}
