/**
 * The closed list of error codes: gRPC's sixteen status codes other than OK, by the names that Connect uses. A code's
 * index plus one is its number on the wire.
 */
export const criErrorCodes = [
  "canceled",
  "unknown",
  "invalid_argument",
  "deadline_exceeded",
  "not_found",
  "already_exists",
  "permission_denied",
  "resource_exhausted",
  "failed_precondition",
  "aborted",
  "out_of_range",
  "unimplemented",
  "internal",
  "unavailable",
  "data_loss",
  "unauthenticated",
] as const;

/** The kind of a failure; safe to switch on exhaustively. */
export type CriErrorCode = (typeof criErrorCodes)[number];

/** Returns the code of a gRPC status number: 1 is `canceled`, 16 is `unauthenticated`, anything unlisted is `unknown`. */
export function codeFromNumber(status: number): CriErrorCode {
  return criErrorCodes[status - 1] ?? "unknown";
}

/** Returns the gRPC status number of a code. */
export function codeToNumber(code: CriErrorCode): number {
  return criErrorCodes.indexOf(code) + 1;
}
