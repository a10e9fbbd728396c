import {
  type Backoff,
  type BackoffOptions,
  backoff,
  type CriError,
  invalidOption,
  isCriError,
  sleep,
  stoppedError,
} from "../core/index.js";

/** How calls that may be repeated are repeated. Which may be is not an option: the policy table says. */
export interface RetryOptions {
  /**
   * How often a safe call is made in all, the first time included; 1 repeats nothing.
   * @default 3
   */
  readonly attempts?: number | undefined;
  /**
   * The pauses before a repetition.
   * @default 100 ms growing by 1.6 to 3 s, with 20 % jitter
   */
  readonly backoff?: BackoffOptions | undefined;
}

/** {@link RetryOptions}, complete and checked, with the budget of one client. */
export interface Retry {
  readonly attempts: number;
  readonly backoff: Backoff;
  readonly budget: RetryBudget;
}

/** Fills in the defaults and checks every value. Throws `invalid_option`. */
export function resolveRetry(options: RetryOptions = {}): Retry {
  const { attempts = 3 } = options;
  if (!Number.isInteger(attempts) || attempts < 1)
    throw invalidOption("retry.attempts", attempts, "must be a whole number of 1 or more");
  return Object.freeze({ attempts, backoff: backoff(options.backoff), budget: new RetryBudget() });
}

/**
 * Keeps many callers from multiplying the load on a runtime in trouble, as gRPC's retry throttling does: a failure
 * that might be repeated costs a token, a success gives a tenth back, and below half of the tokens nobody repeats. A
 * connection that was lost costs nothing: it takes all its calls along, and the back-off between dials holds them up.
 */
export class RetryBudget {
  static readonly #max = 10;
  #tokens = RetryBudget.#max;

  succeeded(): void {
    this.#tokens = Math.min(RetryBudget.#max, this.#tokens + 0.1);
  }

  /** Counts a failure; whether it may be followed by another attempt. */
  failed({ reason }: CriError): boolean {
    if (reason === "connection_lost" || reason === "goaway") return true;
    this.#tokens = Math.max(0, this.#tokens - 1);
    return this.#tokens > RetryBudget.#max / 2;
  }
}

/**
 * Repeats `attempt` while it fails because the runtime went away or is not ready, within attempts, budget, and
 * what is left of the deadline: a pause that would outlast it is not begun, and the failure is told at once.
 */
export async function withRetry<T>(
  retry: Retry,
  signal: AbortSignal | undefined,
  attempt: () => Promise<T>,
  remainingMs: () => number | undefined = () => undefined,
): Promise<T> {
  let step = retry.backoff;
  for (let left = retry.attempts - 1; ; left--) {
    try {
      const result = await attempt();
      retry.budget.succeeded();
      return result;
    } catch (error) {
      if (!isCriError(error) || !wentAway(error) || !retry.budget.failed(error) || left <= 0) throw error;
      const pauseMs = step.delayMs();
      if (pauseMs >= (remainingMs() ?? Number.POSITIVE_INFINITY)) throw error;
      try {
        await sleep(pauseMs, signal);
      } catch {
        const { method, endpoint } = error;
        throw signal ? stoppedError(signal).with({ method, endpoint }) : error;
      }
      step = step.next();
    }
  }
}

/** Failures that a second attempt may not meet. Those to connect were tried again below, and are not here. */
function wentAway({ code, reason }: CriError): boolean {
  return (
    code === "unavailable" &&
    ["connection_lost", "goaway", "stream_reset", "runtime_starting"].includes(reason)
  );
}
