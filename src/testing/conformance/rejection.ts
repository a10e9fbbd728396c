import { AssertionError } from "node:assert";
import { type CriError, type CriErrorCode, type CriErrorReason, isCriError } from "../../core/index.js";

/** Reasons for which no runtime was asked, or none answered: never what a check looks for. */
const ours: ReadonlySet<CriErrorReason> = new Set<CriErrorReason>([
  "invalid_request",
  "invalid_option",
  "aborted_by_caller",
  "client_closed",
  "connection_lost",
  "connection_refused",
  "socket_missing",
]);

/** The error that a call must fail with, with one of these codes; with none given, any that the runtime answers. */
export async function rejected(call: Promise<unknown>, ...codes: readonly CriErrorCode[]): Promise<CriError> {
  const wanted = codes.length > 0 ? codes.join(" or ") : "an error";
  const error = await call.then(
    () => new AssertionError({ message: `expected ${wanted}, but the call succeeded` }),
    (reason: unknown) => reason,
  );
  if (!isCriError(error) || ours.has(error.reason)) throw error;
  if (codes.length === 0 ? error.code !== "unimplemented" : codes.includes(error.code)) return error;
  // What a runtime does not have is told apart from what it does wrong.
  if (error.code === "unimplemented") throw error;
  throw new AssertionError({ message: `expected ${wanted}, got ${error.code}: ${error.text}` });
}

/** The RPC that a case failed for because the runtime does not have it. */
export function unimplementedRpc(error: unknown): string | undefined {
  return isCriError(error) && error.code === "unimplemented" ? (error.method ?? "an RPC") : undefined;
}
