import { CriError, isCriError } from "./errors.js";

/** What a fired signal means: a deadline when its reason is a `TimeoutError` (`AbortSignal.timeout()`), else a cancel. */
export function whyStopped(signal: AbortSignal): "deadline_exceeded" | "canceled" {
  return isTimeout(signal.reason) ? "deadline_exceeded" : "canceled";
}

/** The typed error for a fired signal, with the signal's reason as its cause. A reason that is one stays as it is. */
export function stoppedError(signal: AbortSignal): CriError {
  const reason: unknown = signal.reason;
  if (isCriError(reason)) return reason;
  if (isTimeout(reason)) return deadlineError("the signal's timeout passed", reason);
  return new CriError({
    code: "canceled",
    reason: "aborted_by_caller",
    text: "aborted by the caller",
    cause: reason,
  });
}

/** The typed error for a deadline that passed on our side. */
export function deadlineError(text: string, cause?: unknown): CriError {
  return new CriError({ code: "deadline_exceeded", reason: "deadline", text, cause });
}

function isTimeout(reason: unknown): boolean {
  return reason instanceof DOMException && reason.name === "TimeoutError";
}
