import { invalidOption, stoppedError } from "../../core/index.js";
import type { LogEntry } from "../records/entry.js";

/** An entry of one of several logs. */
export interface MergedLogEntry {
  /** The name under which its log was given. */
  readonly source: string;
  readonly entry: LogEntry;
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

/** One log, with at most one entry in hand. */
interface Lane {
  readonly source: string;
  readonly iterator: AsyncIterator<LogEntry>;
  /** Its next entry, and when that may be given at the latest. */
  head: { readonly entry: LogEntry; readonly nanos: bigint; readonly releaseAt: number } | undefined;
  /** When the next entry was asked for. */
  askedAt: number;
  isOver: boolean;
}

/**
 * Merges several logs by time; of equal times in the order in which they were given. The logs of an object's fields, by whatever
 * gives entries: readers, most often. One entry of each is held, so memory is bounded; a log that is silent holds the others up
 * for `maxWaitMs` at most. Leaving the loop, or a log that fails, ends all of them.
 *
 * @throws {CriError} `invalid_option`; and whatever one of the logs fails with.
 */
export async function* mergeLogs(
  logs: Readonly<Record<string, AsyncIterable<LogEntry>>>,
  { maxWaitMs = 200, signal }: MergeLogsOptions = {},
): AsyncGenerator<MergedLogEntry, void, undefined> {
  if (!(maxWaitMs >= 0)) throw invalidOption("maxWaitMs", maxWaitMs, "must be 0 or more");
  if (signal?.aborted) throw stoppedError(signal);
  const bell = new Bell();
  const lanes = Object.entries(logs).map(
    ([source, log]): Lane => ({
      source,
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
        else lane.head = { entry: value, nanos: value.timeNanos, releaseAt: releaseAt(value, maxWaitMs) };
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
  signal?.addEventListener("abort", stop, { once: true });
  try {
    for (const lane of lanes) pull(lane);
    for (;;) {
      if (failures.length > 0) throw failures[0];
      if (signal?.aborted) throw stoppedError(signal);
      const first = earliest(lanes);
      if (first?.head === undefined) {
        if (lanes.every(({ isOver }) => isOver)) return;
        await bell.wait();
        continue;
      }
      const { entry, releaseAt: at } = first.head;
      const silent = lanes.filter(({ head, isOver }) => head === undefined && !isOver);
      const waitMs = Math.max(at, ...silent.map(({ askedAt }) => askedAt + maxWaitMs)) - performance.now();
      if (silent.length > 0 && waitMs > 0) {
        await bell.wait(waitMs);
        continue;
      }
      pull(first);
      yield { source: first.source, entry };
    }
  } finally {
    signal?.removeEventListener("abort", stop);
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
function releaseAt({ time }: LogEntry, maxWaitMs: number): number {
  const ageMs = Date.now() - time.getTime();
  return performance.now() + Math.min(maxWaitMs, Math.max(0, maxWaitMs - ageMs));
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
      if (ms !== undefined) this.#timer = setTimeout(() => this.ring(), Math.ceil(ms));
    });
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#ring = undefined;
  }
}
