import { type Backoff, type CriError, type Lifeline, sleep } from "../core/index.js";
import { Failed } from "./unary.js";

/** How often, and with which pauses. */
interface Tries {
  /** In all, the first one included. */
  readonly attempts: number;
  readonly pause: Backoff;
}

/**
 * Makes attempts until one was looked at by the peer, or the attempts or the call's time are used up. A call that
 * never left this process, or was refused unread, had no effect: this holds for every method.
 */
export async function untilTouched<T>(
  first: T | Failed,
  again: () => Promise<T | Failed>,
  lifeline: Lifeline,
  { attempts, pause }: Tries,
): Promise<T> {
  let outcome = first;
  let rest: Backoff | undefined;
  for (let left = attempts - 1; outcome instanceof Failed; left--) {
    const { error, untouched } = outcome;
    if (!untouched || left <= 0 || lifeline.stopped || !mayPass(error)) throw error;
    if (wasRefused(error)) {
      // At once the first time: the connection was on its way out. Who refuses again wants to be left alone for a while.
      if (rest) await sleepThrough(rest.delayMs(), lifeline, error);
      rest = rest?.next() ?? pause;
    }
    outcome = await again();
  }
  return outcome;
}

/** Throws when the call is stopped meanwhile; for a deadline the failure, which says more. */
async function sleepThrough(ms: number, lifeline: Lifeline, failure: CriError): Promise<void> {
  const over = new AbortController();
  try {
    await lifeline.race(sleep(ms, over.signal));
  } catch {
    over.abort();
    const { stopped = failure } = lifeline;
    throw stopped.reason === "deadline" ? failure : stopped;
  }
}

/** By a runtime that is there; a dial that failed has its own pause. */
function wasRefused({ reason }: CriError): boolean {
  return reason === "goaway" || reason === "stream_reset";
}

/** Failures to connect that a runtime's restart explains, and that pass when it is back. */
function mayPass({ reason }: CriError): boolean {
  return ["socket_missing", "connection_refused", "connection_lost", "goaway", "stream_reset"].includes(
    reason,
  );
}
