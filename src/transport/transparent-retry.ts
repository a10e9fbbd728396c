import { type Backoff, type CancellationScope, type CriError, sleep } from "../core/index.js";
import { FailedAttempt } from "./call.js";

/** How often a call is attempted, and with which delays. */
interface Attempts {
  /** The maximum, the first attempt included. */
  readonly attempts: number;
  readonly backoff: Backoff;
}

/**
 * Transparent retry: repeats a call that the server has not processed (gRFC A6), until the attempts or the call's time are used up.
 * A call that never left this process, or that the server refused unprocessed, had no effect, so this is safe for every method.
 */
export async function transparentRetry<T>(
  first: T | FailedAttempt,
  again: () => Promise<T | FailedAttempt>,
  scope: CancellationScope,
  { attempts, backoff }: Attempts,
): Promise<T> {
  let outcome = first;
  let step: Backoff | undefined;
  for (let remaining = attempts - 1; outcome instanceof FailedAttempt; remaining--) {
    const { error, unprocessed } = outcome;
    if (!unprocessed || remaining <= 0 || scope.stopped || !isTransient(error)) throw error;
    if (wasRefused(error)) {
      // Without a delay the first time, because the connection was closing. A second refusal means that the server is overloaded.
      if (step) await backOff(step.delayMs(), scope, error);
      step = step?.next() ?? backoff;
    }
    outcome = await again();
  }
  return outcome;
}

/** Waits. If the call is stopped during the wait, throws the reason, or `failure` for a deadline, because it explains more. */
async function backOff(ms: number, scope: CancellationScope, failure: CriError): Promise<void> {
  const controller = new AbortController();
  try {
    await scope.race(sleep(ms, controller.signal));
  } catch {
    controller.abort();
    const { stopped = failure } = scope;
    throw stopped.reason === "deadline" ? failure : stopped;
  }
}

/** Reports whether a running server refused the call. A failed dial has its own back-off. */
function wasRefused({ reason }: CriError): boolean {
  return reason === "goaway" || reason === "stream_reset";
}

/** Reports whether a restart of the runtime causes such a failure, so that it passes when the runtime is running again. */
function isTransient({ reason }: CriError): boolean {
  return ["socket_missing", "connection_refused", "connection_lost", "goaway", "stream_reset"].includes(
    reason,
  );
}
