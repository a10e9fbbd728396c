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
  let step = retry.backoff;
  for (let remaining = retry.attempts - 1; ; remaining--) {
    try {
      const result = await attempt();
      retry.budget.succeeded();
      return result;
    } catch (error) {
      if (!isCriError(error) || !isRetryable(error) || !retry.budget.failed(error) || remaining <= 0)
        throw error;
      const delayMs = step.delayMs();
      if (delayMs >= (remainingMs() ?? Number.POSITIVE_INFINITY)) throw error;
      const fired = await pause(delayMs, signal, closing);
      if (fired) {
        const { method, endpoint } = error;
        throw abortError(fired).with({ method, endpoint });
      }
      step = step.next();
    }
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
