import {
  abortError,
  type CallOptions,
  type CriError,
  type CriErrorReason,
  isCriError,
} from "../core/index.js";
import { allOrAbort, sharedDeadline } from "./calls.js";

/** Reads the usage of several objects, by one list or one by one. */
export interface UsageSource<T, R> {
  /** Reads the usage of all objects by one call. */
  list(call: CallOptions): Promise<T[]>;
  /** Lists the objects that should have usage data. */
  running(call: CallOptions): Promise<R[]>;
  /** Reads the usage of one object; undefined when the runtime has none. */
  one(object: R, call: CallOptions): Promise<T | undefined>;
}

/** The result of {@link listOrEach}. */
export interface ListOrEachResult<T, R> {
  readonly items: T[];
  readonly failed: readonly { readonly object: R; readonly error: CriError }[];
}

/** The maximum number of calls in flight. An object whose call hangs occupies its slot until its share of the deadline has passed. */
const maxConcurrency = 32;

/** Errors of a list that a single object can cause. Any other error would occur for each object, too. */
const reasonsOfOneObject: ReadonlySet<CriErrorReason> = new Set<CriErrorReason>([
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
 * Reads the usage by the list; if one object makes the list fail, reads each object by itself. The list gets half of the deadline. The
 * remaining time is divided by the number of remaining rounds: with three rounds left, the next call gets a third. So every object
 * is read in time, even if many calls hang. Rejects when the runtime is unavailable or the signal fires.
 */
export async function listOrEach<T, R>(
  source: UsageSource<T, R>,
  options: CallOptions,
): Promise<ListOrEachResult<T, R>> {
  const nextCall = sharedDeadline(options);
  try {
    return { items: await source.list(fractionOf(nextCall(), 2)), failed: [] };
  } catch (error) {
    if (!isOfOneObject(error, options.signal)) throw error;
  }
  const remaining = [...(await source.running(nextCall()))].reverse();
  const items: T[] = [];
  const failed: { object: R; error: CriError }[] = [];
  const worker = async (signal: AbortSignal) => {
    for (let object = remaining.pop(); object !== undefined; object = remaining.pop())
      try {
        const rounds = Math.ceil((remaining.length + 1) / maxConcurrency);
        const item = await source.one(object, { ...fractionOf(nextCall(), rounds), signal });
        if (item) items.push(item);
      } catch (error) {
        if (!isOfOneObject(error, signal)) throw error;
        // An object that ended after it was listed has no usage; that is not a failure.
        if (error.reason !== "object_missing" && error.reason !== "wrong_state")
          failed.push({ object, error });
      }
  };
  const workers = Array<typeof worker>(Math.min(maxConcurrency, remaining.length)).fill(worker);
  await allOrAbort(options.signal, workers);
  return { items, failed };
}

/** Divides the deadline of a call; without a deadline there is nothing to divide. */
function fractionOf({ timeoutMs = 0, ...options }: CallOptions, parts: number): CallOptions {
  return { ...options, timeoutMs: Math.ceil(timeoutMs / parts) };
}

function isOfOneObject(error: unknown, signal: AbortSignal | undefined): error is CriError {
  if (signal?.aborted) throw isCriError(error) ? error : abortError(signal);
  return isCriError(error) && reasonsOfOneObject.has(error.reason);
}
