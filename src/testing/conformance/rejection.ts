import { AssertionError } from "node:assert";
import { type CriError, type CriErrorCode, type CriErrorReason, isCriError } from "../../core/index.js";

/** Reasons of errors that did not come from the runtime, which no check expects. */
const localReasons: ReadonlySet<CriErrorReason> = new Set<CriErrorReason>([
  "invalid_request",
  "invalid_option",
  "aborted_by_caller",
  "client_closed",
  "connection_lost",
  "connection_refused",
  "socket_missing",
]);

/** Asserts that a call fails with one of these codes, by default with any error of the runtime, and returns the error. */
export async function rejected(call: Promise<unknown>, ...codes: readonly CriErrorCode[]): Promise<CriError> {
  const expected = codes.length > 0 ? codes.join(" or ") : "an error";
  const error = await call.then(
    () => new AssertionError({ message: `expected ${expected}, but the call succeeded` }),
    (reason: unknown) => reason,
  );
  if (!isCriError(error) || localReasons.has(error.reason)) throw error;
  if (codes.length === 0 ? error.code !== "unimplemented" : codes.includes(error.code)) return error;
  // A missing RPC is reported as such, not as a wrong code.
  if (error.code === "unimplemented") throw error;
  throw new AssertionError({ message: `expected ${expected}, got ${error.code}: ${error.rawMessage}` });
}

/** Returns the RPC whose absence made a case fail; undefined for other errors. */
export function unimplementedRpc(error: unknown): string | undefined {
  return isCriError(error) && error.code === "unimplemented" ? (error.method ?? "an RPC") : undefined;
}
