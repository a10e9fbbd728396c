import {
  type CallOptions,
  type CriError,
  type CriErrorReason,
  isCriError,
  stoppedError,
} from "../core/index.js";
import { oneDeadline } from "./one-deadline.js";
import { together } from "./together.js";

/** The two ways to the figures of several things. */
export interface Ways<T, R> {
  /** All of them by one call. */
  list(call: CallOptions): Promise<T[]>;
  /** Those that should have figures. */
  running(call: CallOptions): Promise<R[]>;
  /** The figures of one; undefined where the runtime has none. */
  one(what: R, call: CallOptions): Promise<T | undefined>;
}

/** What came of it. */
export interface Outcome<T, R> {
  readonly items: T[];
  readonly failed: readonly { readonly what: R; readonly error: CriError }[];
}

/** How many are asked for at a time. One that does not answer keeps its place until its share of the time is over. */
const atATime = 32;

/** Failures that one of many can bring upon all of them. What else fails would fail for each of them, too. */
const ofOne: ReadonlySet<CriErrorReason> = new Set<CriErrorReason>([
  "runtime_error",
  "cgroup_parent_missing",
  "wrong_state",
  "object_missing",
  "deadline",
  "runtime_limit",
  "receive_limit",
  "malformed_response",
  "invalid_response",
]);

/**
 * Lists; and where one of them makes the list fail, asks for each. A list that does not answer is given half of the time. What is
 * left then is shared: when those that are still to be asked need three rounds, the next question gets a third of it. So all of them
 * are asked, however many do not answer. Rejects when the runtime is away, or the call is stopped.
 */
export async function listOrEach<T, R>(ways: Ways<T, R>, options: CallOptions): Promise<Outcome<T, R>> {
  const call = oneDeadline(options);
  try {
    return { items: await ways.list(share(call(), 2)), failed: [] };
  } catch (error) {
    if (!isOfOne(error, options.signal)) throw error;
  }
  const left = [...(await ways.running(call()))].reverse();
  const items: T[] = [];
  const failed: { what: R; error: CriError }[] = [];
  const worker = async (signal: AbortSignal) => {
    for (let what = left.pop(); what !== undefined; what = left.pop())
      try {
        const rounds = Math.ceil((left.length + 1) / atATime);
        const found = await ways.one(what, { ...share(call(), rounds), signal });
        if (found) items.push(found);
      } catch (error) {
        if (!isOfOne(error, signal)) throw error;
        // It has ended since it was listed.
        if (error.reason !== "object_missing" && error.reason !== "wrong_state") failed.push({ what, error });
      }
  };
  await together(options.signal, Array<typeof worker>(Math.min(atATime, left.length)).fill(worker));
  return { items, failed };
}

/** A share of the time that a call has; without a deadline there is nothing to share. */
function share({ timeoutMs = 0, ...options }: CallOptions, shares: number): CallOptions {
  return { ...options, timeoutMs: Math.ceil(timeoutMs / shares) };
}

function isOfOne(error: unknown, signal: AbortSignal | undefined): error is CriError {
  if (signal?.aborted) throw isCriError(error) ? error : stoppedError(signal);
  return isCriError(error) && ofOne.has(error.reason);
}
