import { ApiError } from "./api-error.js";
import type { AuditEntry } from "./audit.js";

/** The requests that fail, and how. */
export interface Failure {
  /** The HTTP status, such as 500, 503, 429 or 401. */
  readonly code: number;
  /** @default all requests */
  readonly matches?: (request: AuditEntry) => boolean;
  /** For 429 and 503: when to try again, in seconds. */
  readonly retryAfterSeconds?: number;
  /** Carries out the request first, and answers it with the failure: the client cannot know. @default false */
  readonly afterwards?: boolean;
}

const reasons: Readonly<Record<number, string>> = {
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  409: "Conflict",
  410: "Expired",
  429: "TooManyRequests",
  500: "InternalError",
  503: "ServiceUnavailable",
  504: "Timeout",
};

/** Failures that are to come. */
export class Faults {
  #failures: { left: number; readonly failure: Failure }[] = [];

  /** Lets the next requests fail; `Infinity` for all of them. */
  add(count: number, failure: Failure): void {
    this.#failures.push({ left: count, failure });
  }

  clear(): void {
    this.#failures = [];
  }

  /** Returns the failure of a request, or undefined. */
  take(request: AuditEntry): Failure | undefined {
    const found = this.#failures.find(
      ({ left, failure }) => left > 0 && (failure.matches?.(request) ?? true),
    );
    if (!found) return undefined;
    found.left--;
    return found.failure;
  }
}

/** Returns the error that is answered. */
export function errorOf({ code, retryAfterSeconds }: Failure): ApiError {
  const details = retryAfterSeconds === undefined ? undefined : { retryAfterSeconds };
  return new ApiError(code, reasons[code] ?? "Unknown", `failure of the test: ${code}`, details);
}
