import {
  CriError,
  type CriErrorCode,
  type CriErrorDetails,
  type CriErrorInit,
  checkArgument,
  isCriError,
  isKeyed,
  option,
} from "../../core/index.js";

/** What is known of a failed request. */
export interface ApiServerErrorDetails extends Omit<CriErrorDetails, "code"> {
  /** The HTTP status; undefined when there was no answer. */
  readonly status?: number | undefined;
  /** `reason` of the Status object, such as `NotFound`. */
  readonly statusReason?: string | undefined;
  /** How long the API server wants to be left alone, in milliseconds: the header Retry-After. */
  readonly retryAfterMs?: number | undefined;
}

/** A request to the API server failed. `reason` is `api_server_failed`. */
export class ApiServerError extends CriError {
  /** The HTTP status; undefined when there was no answer. */
  readonly status: number | undefined;
  /** `reason` of the Status object, such as `NotFound`. */
  readonly statusReason: string | undefined;
  /** The shortest delay before a retry, in milliseconds, if the API server sends one. */
  readonly retryAfterMs: number | undefined;

  /** Creates the error. The code follows from `status`; without one, it is `unavailable`. */
  constructor(rawMessage: string, details: ApiServerErrorDetails = {}) {
    checkArgument("ApiServerError", "rawMessage", rawMessage, option.string);
    checkArgument("ApiServerError", "details", details, (value) =>
      isKeyed(value) ? undefined : "must be an object",
    );
    const { status, statusReason, retryAfterMs, ...common } = details;
    super({ ...common, code: codeOfStatus(status), reason: "api_server_failed", rawMessage });
    this.status = status;
    this.statusReason = statusReason;
    this.retryAfterMs = retryAfterMs;
  }

  /** Makes `instanceof` true for errors of another copy of this package as well. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return isCriError(value) && value.reason === "api_server_failed";
  }

  /** Returns a copy with the given properties replaced; the HTTP status, the code that it implies and the stack stay. */
  override with(changes: Partial<CriErrorInit>): ApiServerError {
    const copy = super.with(changes);
    const { method, endpoint, hint, cause, wireCode, problems, existingId, leftovers } = copy;
    const { status, statusReason, retryAfterMs } = this;
    const error = new ApiServerError(copy.rawMessage, {
      ...{ method, endpoint, hint, cause, wireCode, problems, existingId, leftovers },
      ...{ status, statusReason, retryAfterMs },
    });
    if (copy.stack) error.stack = copy.stack;
    return error;
  }
}

/** Returns the HTTP status of the answer that an error stands for; undefined for all others. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof ApiServerError ? error.status : undefined;
}

/** Resolves with undefined instead of rejecting when the object does not exist. */
export async function unlessMissing<T>(request: Promise<T>): Promise<T | undefined> {
  try {
    return await request;
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

function codeOfStatus(status: number | undefined): CriErrorCode {
  if (status === undefined) return "unavailable";
  return codes[status] ?? (status >= 500 ? "unavailable" : "failed_precondition");
}

const codes: Readonly<Record<number, CriErrorCode>> = {
  400: "invalid_argument",
  401: "unauthenticated",
  403: "permission_denied",
  404: "not_found",
  409: "aborted",
  410: "out_of_range",
  422: "invalid_argument",
  429: "resource_exhausted",
  500: "internal",
  504: "deadline_exceeded",
};
