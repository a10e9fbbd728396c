import {
  backoff,
  type CriError,
  type CriErrorReason,
  isCriError,
  sleep,
  withDeadline,
} from "../../core/index.js";
import { isOutcomeUnknown } from "./rollback.js";

/** Attempts while the runtime reports that another call is in progress, and after any other error. */
const maxBusyAttempts = 12;
const maxOtherAttempts = 4;
/** The deadline of the first attempt; each further one gets twice as long. */
const firstAttemptMs = 10_000;
/** The limit for all attempts together: the kubelet's deadline for one of these calls. */
const allAttemptsMs = 120_000;

/** The bounds of one attempt to stop or remove an object. */
export interface AttemptBounds {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

/** The reasons of errors of which the next attempt may know nothing: the runtime failed, or its response was lost. */
const passingReasons: ReadonlySet<CriErrorReason> = new Set<CriErrorReason>([
  "runtime_error",
  "runtime_starting",
  "wrong_state",
  "connection_lost",
  "stream_reset",
  "malformed_response",
  "invalid_response",
]);

/**
 * Retries a step of the stop or the removal of an object. Another call may be starting, stopping or removing it, even one whose caller is dead.
 * Other errors may pass, too: containerd 2.1 sometimes fails while a container is exiting.
 *
 * The deadline of an attempt is short, because CRI-O gives a container that ignores SIGTERM all of it. A runtime that needs longer gets
 * it in a later attempt.
 */
export function retryWhileBusy<T>(
  attempt: (bounds: AttemptBounds) => Promise<T>,
  caller: AbortSignal,
): Promise<T> {
  return withDeadline({ signal: caller }, async (signal) => {
    const endsAt = performance.now() + allAttemptsMs;
    let timeoutMs = firstAttemptMs;
    let pause = backoff({ firstMs: 100, maxMs: 2_000, factor: 1.7 });
    for (let failures = 0; ; )
      try {
        return await attempt({ signal, timeoutMs });
      } catch (error) {
        if (signal.aborted || !isCriError(error)) throw error;
        const remainingMs = endsAt - performance.now();
        if (error.reason === "deadline" && remainingMs > 0) {
          timeoutMs = Math.ceil(Math.min(2 * timeoutMs, remainingMs));
          continue;
        }
        const isRetried = passingReasons.has(error.reason);
        const isBusy = isRetried && /in (?:starting|removing) state/.test(error.rawMessage);
        if (!isRetried || ++failures >= (isBusy ? maxBusyAttempts : maxOtherAttempts)) throw error;
        await sleep(pause.delayMs(), signal);
        pause = pause.next();
      }
  });
}

/** The default deadline of `ensure`: 1.5 times the kubelet's deadline of RunPodSandbox, which is 4 minutes. */
export const ensureTimeoutMs = 360_000;

const maxConflictAttempts = 8;

/** Another call is changing the same object; its result is visible a moment later. `cause` is the runtime's error. */
export class InProgressError extends Error {
  constructor(cause: unknown) {
    super("another call is in progress", { cause });
  }
}

/** Returns whether the runtime, which sets the method, reserves the name for a call in progress. An owner's conflict is permanent. */
function isReservedByRuntime({ reason, method }: CriError): boolean {
  return reason === "name_reserved" && method !== undefined;
}

/**
 * Repeats an attempt to reconcile while an earlier call conflicts with it: one whose response was lost, or one that is still in
 * progress on the runtime and reserves the name. Up to 8 attempts; `reconcile` receives the number of the attempt, from 1.
 */
export async function retryOnConflict<T>(
  signal: AbortSignal,
  reconcile: (attempt: number) => Promise<T>,
): Promise<T> {
  let pause = backoff({ firstMs: 200, maxMs: 5_000, factor: 2 });
  for (let attempt = 1; ; attempt++)
    try {
      return await reconcile(attempt);
    } catch (error) {
      const isConflict =
        error instanceof InProgressError ||
        (isCriError(error) && (isReservedByRuntime(error) || isOutcomeUnknown(error)));
      if (signal.aborted || !isConflict || attempt >= maxConflictAttempts)
        throw error instanceof InProgressError ? error.cause : error;
      await sleep(pause.delayMs(), signal);
      pause = pause.next();
    }
}
