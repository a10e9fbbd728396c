import type { CriError } from "./errors.js";
import { deadlineError, stoppedError } from "./signals.js";
import { maxTimerMs } from "./sleep.js";

/** Work for a call that ends when the call is stopped. */
export interface Stoppable {
  cancel(error: CriError): void;
}

/**
 * The span of one call as the caller limits it: a deadline, a signal, or both. Whoever works for the call right
 * now (a dial, a pause before a retry, a stream) listens with {@link onStop}; only one does at a time.
 */
export class Lifeline {
  /** The typed error, once the deadline passed or the signal fired. */
  stopped: CriError | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #timer: NodeJS.Timeout | undefined;
  #late: NodeJS.Immediate | undefined;
  readonly #deadlineAt: number | undefined;
  #worker: Stoppable | undefined;

  /** `timeoutMs` of undefined, 0 or less, or past what a timer can hold, sets no deadline. */
  constructor(timeoutMs: number | undefined, signal: AbortSignal | undefined) {
    if (timeoutMs !== undefined && timeoutMs > 0 && timeoutMs <= maxTimerMs) {
      this.#deadlineAt = performance.now() + timeoutMs;
      const stop = () => this.stop(deadlineError(`no answer within ${timeoutMs} ms`));
      // After a loop that was blocked, timers come before what has arrived: an answer that is here already counts.
      this.#timer = setTimeout(() => {
        this.#late = setImmediate(stop);
      }, timeoutMs);
    }
    if (signal === undefined) return;
    if (signal.aborted) {
      this.stop(stoppedError(signal));
      return;
    }
    this.#signal = signal;
    signal.addEventListener("abort", this.#aborted, { once: true });
  }

  /** Milliseconds that are left, at least 1; undefined without a deadline. */
  get remainingMs(): number | undefined {
    return this.#deadlineAt === undefined
      ? undefined
      : Math.max(1, Math.ceil(this.#deadlineAt - performance.now()));
  }

  /** Whether the deadline has passed, even if the timer has not been served yet. */
  get overdue(): boolean {
    return this.#deadlineAt !== undefined && performance.now() >= this.#deadlineAt;
  }

  /** Sets who is told when the call is stopped; undefined for nobody. */
  onStop(worker: Stoppable | undefined): void {
    this.#worker = worker;
  }

  /** Waits for `work`, or rejects as soon as the call is stopped. The work itself is not undone. */
  race<T>(work: Promise<T>): Promise<T> {
    if (this.stopped) return Promise.reject(this.stopped);
    return new Promise<T>((resolve, reject) => {
      this.onStop({ cancel: reject });
      work.then(resolve, reject);
    }).finally(() => this.onStop(undefined));
  }

  /** Ends the watch: no timer and no listener is left behind. */
  end(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#late);
    this.#signal?.removeEventListener("abort", this.#aborted);
    this.#worker = undefined;
  }

  readonly #aborted = () => {
    if (this.#signal) this.stop(stoppedError(this.#signal));
  };

  /** Stops the call for another reason than its own deadline and signal. Does nothing when it was stopped. */
  stop(error: CriError): void {
    if (this.stopped) return;
    const worker = this.#worker;
    this.stopped = error;
    this.end();
    worker?.cancel(error);
  }
}
