// Deadlines and cancellation: every wait of this package ends when the caller's signal fires, and every deadline that passes
// becomes the same typed error.
import { setMaxListeners } from "node:events";
import type { CallOptions } from "./call-options.js";
import { type DeadlineList, deadlineList, monotonicMs, type WithDeadline } from "./deadlines.js";
import { type CriError, criError, invalidOption, isCriError } from "./errors.js";
import { isError } from "./realms.js";

/** The longest delay of a Node timer, in milliseconds (about 24.8 days). */
export const maxTimerMs = 2 ** 31 - 1;

/** Creates the typed error for a deadline that passed on this side. */
export function deadlineError(text: string, cause?: unknown): CriError {
  return criError("deadline", text, { cause });
}

/**
 * Returns the typed error for a fired signal, with the signal's reason as its cause: `deadline` for `AbortSignal.timeout()`, else
 * `aborted_by_caller`. A reason that is a {@link CriError} is returned unchanged.
 */
export function abortError(signal: AbortSignal): CriError {
  const reason: unknown = signal.reason;
  if (isCriError(reason)) return reason;
  const isTimeout = isError(reason) && reason.name === "TimeoutError";
  if (isTimeout) return deadlineError("the signal's timeout passed", reason);
  return criError("aborted_by_caller", "aborted by the caller", { cause: reason });
}

/**
 * Returns the milliseconds of a `timeoutMs` option; undefined for no deadline, which 0 and Infinity mean. Throws `invalid_option`
 * for a negative value and NaN.
 */
export function checkTimeout(timeoutMs: number | undefined): number | undefined {
  if (timeoutMs !== undefined && !(timeoutMs >= 0))
    throw invalidOption("timeoutMs", timeoutMs, "must be 0 (no deadline) or more milliseconds");
  return timeoutMs === 0 || timeoutMs === Number.POSITIVE_INFINITY ? undefined : timeoutMs;
}

/** A function that returns the remaining time of a deadline in milliseconds, at least 1; undefined without a deadline. */
export type RemainingMs = () => number | undefined;

/** Starts a deadline that several calls share. The first result is exactly `timeoutMs`, rounded up. */
export function countdown(timeoutMs: number | undefined): RemainingMs {
  if (timeoutMs === undefined) return () => undefined;
  const endsAt = monotonicMs() + timeoutMs;
  let isFirst = true;
  return () => {
    if (!isFirst) return Math.max(1, Math.ceil(endsAt - monotonicMs()));
    isFirst = false;
    return Math.ceil(timeoutMs);
  };
}

/**
 * Calls back once when the signal fires; at once, before returning, when it has fired already. Returns a function that removes
 * the callback.
 */
export function onAbort(signal: AbortSignal | undefined, callback: () => void): () => void {
  if (signal === undefined) return () => undefined;
  if (signal.aborted) {
    callback();
    return () => undefined;
  }
  // A signal that many calls share is not a leak, but Node 20 warns from the eleventh listener on.
  if (signal instanceof EventTarget) setMaxListeners(0, signal);
  signal.addEventListener("abort", callback, { once: true });
  return () => signal.removeEventListener("abort", callback);
}

/** Waits `ms` milliseconds. Rejects with the signal's reason, at once, when the signal fires before or during the wait. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const finish = () => {
      removeCallback();
      resolve();
    };
    const timer = setTimeout(finish, Math.min(ms, maxTimerMs));
    const removeCallback = onAbort(signal, () => {
      clearTimeout(timer);
      reject(signal?.reason);
    });
  });
}

/**
 * Settles as `work` does. If the signal fires first, it calls `onFire`, which may reject; by default it rejects with the signal's
 * reason. The work itself continues.
 */
export async function raceAbort<T>(
  work: Promise<T>,
  signal: AbortSignal,
  onFire: (reject: (reason: unknown) => void) => void = (reject) => reject(signal.reason),
): Promise<T> {
  let removeCallback = () => {};
  const aborted = new Promise<never>((_, reject) => {
    removeCallback = onAbort(signal, () => onFire(reject));
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    removeCallback();
  }
}

/** An `AbortController` that also aborts when an outer signal does, with the outer signal's reason. */
export interface LinkedController {
  readonly signal: AbortSignal;
  abort(reason?: unknown): void;
  /** Stops following the outer signal; call it when the work is over. */
  unlink(): void;
}

/** Creates a controller that follows an outer signal. Unlike `AbortSignal.any`, it leaves no listener behind. */
export function linkedController(outer: AbortSignal | undefined): LinkedController {
  const controller = new AbortController();
  const unlink = onAbort(outer, () => controller.abort(outer?.reason));
  return { signal: controller.signal, abort: (reason) => controller.abort(reason), unlink };
}

/** Work that can be canceled while it is in flight. */
export interface Cancelable {
  cancel(error: CriError): void;
}

/**
 * The lifetime of one call as its caller limits it: a deadline, a signal, or both. The step that is in flight (a dial, a back-off, a
 * stream) registers itself with {@link CancellationScope.onStop}; there is one such step at a time.
 */
export class CancellationScope implements WithDeadline {
  /** The typed error, once the deadline passed or the signal fired. */
  stopped: CriError | undefined;
  /** When the deadline passes, on the clock of {@link monotonicMs}; Infinity without one. */
  readonly deadlineAt: number = Number.POSITIVE_INFINITY;
  nextDeadline: WithDeadline | undefined;
  previousDeadline: WithDeadline | undefined;
  readonly #timeoutMs: number | undefined;
  /** The list that this scope is in until it ends. */
  #deadlines: DeadlineList | undefined;
  readonly #removeCallback: (() => void) | undefined;
  #step: Cancelable | undefined;

  /** A `timeoutMs` that is undefined, 0 or less, or longer than a timer can run, sets no deadline. */
  constructor(timeoutMs: number | undefined, signal: AbortSignal | undefined) {
    this.#timeoutMs = timeoutMs;
    if (signal !== undefined)
      this.#removeCallback = onAbort(signal, () => {
        this.stop(abortError(signal));
      });
    if (this.stopped || timeoutMs === undefined || !(timeoutMs > 0 && timeoutMs <= maxTimerMs)) return;
    this.deadlineAt = monotonicMs() + timeoutMs;
    this.#deadlines = deadlineList(timeoutMs);
    this.#deadlines.add(this);
  }

  /** The remaining time of the deadline in milliseconds, at least 1; undefined without a deadline. */
  get remainingMs(): number | undefined {
    return this.deadlineAt === Number.POSITIVE_INFINITY
      ? undefined
      : Math.max(1, Math.ceil(this.deadlineAt - monotonicMs()));
  }

  /** Whether the deadline has passed, even if its timer has not run yet. */
  get overdue(): boolean {
    return this.deadlineAt !== Number.POSITIVE_INFINITY && monotonicMs() >= this.deadlineAt;
  }

  /** Sets the step to cancel when the call is stopped; undefined for none. */
  onStop(step: Cancelable | undefined): void {
    this.#step = step;
  }

  /** Waits for `work`, or rejects as soon as the call is stopped. The work itself continues. */
  race<T>(work: Promise<T>): Promise<T> {
    if (this.stopped) return Promise.reject(this.stopped);
    return new Promise<T>((resolve, reject) => {
      this.onStop({ cancel: reject });
      work.then(resolve, reject);
    }).finally(() => this.onStop(undefined));
  }

  /** Ends the scope: no deadline and no listener remains. */
  end(): void {
    this.#deadlines?.remove(this);
    this.#deadlines = undefined;
    this.#removeCallback?.();
    this.#step = undefined;
  }

  /** Stops the call for a reason other than its deadline and signal. Does nothing when it is stopped already. */
  stop(error: CriError): void {
    if (this.stopped) return;
    const step = this.#step;
    this.stopped = error;
    this.end();
    step?.cancel(error);
  }

  /** Called by the list of deadlines, which has removed this one. */
  onDeadline(): void {
    this.#deadlines = undefined;
    this.stop(deadlineError(`no response within ${this.#timeoutMs} ms`));
  }
}

/**
 * Runs work of several steps under one signal, which fires when the caller's signal does or when the deadline passes. Its reason is
 * the typed error, so every step rejects with it. Without a `timeoutMs`, or with 0, there is no deadline. Rejects with
 * `invalid_option` for a negative one. `closing` is the signal of a client that is being closed, which ends the work, too.
 */
export async function withDeadline<T>(
  { signal, timeoutMs }: Pick<CallOptions, "signal" | "timeoutMs">,
  work: (signal: AbortSignal) => Promise<T>,
  closing?: AbortSignal,
): Promise<T> {
  const scope = new CancellationScope(checkTimeout(timeoutMs), signal);
  const removeCallback = onAbort(closing, () => {
    if (closing) scope.stop(abortError(closing));
  });
  if (scope.stopped) throw scope.stopped;
  const controller = new AbortController();
  scope.onStop({ cancel: (error) => controller.abort(error) });
  try {
    return await work(controller.signal);
  } finally {
    removeCallback();
    scope.end();
  }
}
