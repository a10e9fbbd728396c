import {
  abortError,
  type Backoff,
  type BackoffOptions,
  backoff,
  backoffTable,
  type CriError,
  isCriError,
  linkedController,
  OptionTable,
  onAbort,
  option,
  sleep,
} from "../core/index.js";

/** How safe calls are retried. Which calls are safe is not an option: the table of RPCs decides. */
export interface RetryOptions {
  /**
   * The number of attempts of a safe call, the first one included; 1 disables retries.
   * @default 3
   */
  readonly attempts?: number | undefined;
  /**
   * The delays between attempts.
   * @default 100 ms growing by 1.6 to 3 s, with 20 % jitter
   */
  readonly backoff?: BackoffOptions | undefined;
}

/** The options of {@link RetryOptions}. */
export const retryTable = new OptionTable<RetryOptions>({
  attempts: option.wholeNumber(1),
  backoff: option.nested(backoffTable),
});

/** {@link RetryOptions}, complete and checked, with the retry budget of one client. */
export interface Retry {
  readonly attempts: number;
  readonly backoff: Backoff;
  readonly budget: RetryBudget;
}

/** Fills in the defaults of options that {@link retryTable} has checked. Throws `invalid_option`. */
export function resolveRetry(options: RetryOptions = {}): Retry {
  const { attempts = 3 } = options;
  return Object.freeze({ attempts, backoff: backoff(options.backoff), budget: new RetryBudget() });
}

/**
 * Limits retries, as gRPC's retry throttling does, so that many callers do not multiply the load on an overloaded runtime: each
 * failure that could be retried costs a token, each success returns a tenth, and at half of the tokens or fewer nothing is retried. A
 * lost connection costs nothing: it fails all its calls at once, and the back-off between dials limits the load.
 */
export class RetryBudget {
  static readonly #max = 10;
  #tokens = RetryBudget.#max;

  succeeded(): void {
    this.#tokens = Math.min(RetryBudget.#max, this.#tokens + 0.1);
  }

  /** Counts a failure. Returns whether another attempt is allowed. */
  failed({ reason }: CriError): boolean {
    if (reason === "connection_lost" || reason === "goaway") return true;
    this.#tokens = Math.max(0, this.#tokens - 1);
    return this.#tokens > RetryBudget.#max / 2;
  }
}

/**
 * Retries `attempt` while it fails because the connection was lost or the runtime is starting, within the attempts, the budget and
 * the deadline. If the next delay would outlast the deadline, it rejects at once with the failure. Ends when a signal fires: the
 * caller's, or `closing`, that of the client.
 */
export async function withRetry<T>(
  retry: Retry,
  signal: AbortSignal | undefined,
  attempt: () => Promise<T>,
  remainingMs: () => number | undefined = () => undefined,
  closing?: AbortSignal,
): Promise<T> {
  const retries = new Retries(retry, signal, remainingMs, closing);
  for (;;) {
    try {
      const result = await attempt();
      retry.budget.succeeded();
      return result;
    } catch (error) {
      await retries.waitAfter(error);
    }
  }
}

/** The retries of one call, as {@link withRetry} makes them, for callers that count successes in the budget themselves. */
export class Retries {
  readonly #budget: RetryBudget;
  readonly #signal: AbortSignal | undefined;
  readonly #remainingMs: () => number | undefined;
  readonly #closing: AbortSignal | undefined;
  #step: Backoff;
  #left: number;

  constructor(
    { attempts, backoff, budget }: Retry,
    signal: AbortSignal | undefined,
    remainingMs: () => number | undefined,
    closing: AbortSignal | undefined,
  ) {
    this.#budget = budget;
    this.#signal = signal;
    this.#remainingMs = remainingMs;
    this.#closing = closing;
    this.#step = backoff;
    this.#left = attempts - 1;
  }

  /** Waits before the next attempt. Rejects with the failure if there is none, or with the reason of a signal. */
  async waitAfter(error: unknown): Promise<void> {
    if (!isCriError(error) || !isRetryable(error) || !this.#budget.failed(error) || this.#left-- <= 0)
      throw error;
    const delayMs = this.#step.delayMs();
    if (delayMs >= (this.#remainingMs() ?? Number.POSITIVE_INFINITY)) throw error;
    const fired = await pause(delayMs, this.#signal, this.#closing);
    if (fired) {
      const { method, endpoint } = error;
      throw abortError(fired).with({ method, endpoint });
    }
    this.#step = this.#step.next();
  }
}

/** Waits until the delay is over or one of the signals fires. Returns the signal that fired. */
async function pause(
  ms: number,
  signal: AbortSignal | undefined,
  closing: AbortSignal | undefined,
): Promise<AbortSignal | undefined> {
  const either = linkedController(signal);
  const removeCallback = onAbort(closing, () => either.abort());
  await sleep(ms, either.signal).catch(() => undefined);
  either.unlink();
  removeCallback();
  return signal?.aborted ? signal : closing?.aborted ? closing : undefined;
}

/** Reports whether another attempt may succeed. Failures to connect are not listed: the transport has retried them already. */
function isRetryable({ code, reason }: CriError): boolean {
  return (
    code === "unavailable" &&
    ["connection_lost", "goaway", "stream_reset", "runtime_starting"].includes(reason)
  );
}
