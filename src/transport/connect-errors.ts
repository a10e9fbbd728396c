import { Code, ConnectError } from "@connectrpc/connect";
import {
  CriError,
  type CriErrorInit,
  codeFromNumber,
  codeToNumber,
  deadlineError,
  isCriError,
} from "../core/index.js";
import { errorCode } from "./dial-failure.js";

/**
 * A {@link CriError} as the `ConnectError` that Connect's interceptors and clients expect to catch; it stays the cause.
 * Declared as a plain Error, since Connect's declarations would ask the DOM library of our users.
 */
export function toConnectError(error: unknown): Error {
  if (error instanceof ConnectError) return error;
  if (!isCriError(error)) return ConnectError.from(error, Code.Internal);
  return new ConnectError(error.text, codeToNumber(error.code), undefined, undefined, error);
}

/**
 * Whatever a transport rejected with as a {@link CriError}: ours as it is, and the errors of another transport
 * (Connect's own, an in-memory one) by code, with the dead-runtime cases that stock Connect calls internal,
 * aborted or canceled put right.
 */
export function fromTransportError(
  error: unknown,
  where: Pick<CriErrorInit, "method" | "endpoint">,
): CriError {
  const ours = isCriError(error)
    ? error
    : isCriError((error as { cause?: unknown } | null)?.cause)
      ? (error as { cause: CriError }).cause
      : undefined;
  if (ours) return ours.with(where);
  if (!(error instanceof ConnectError))
    return new CriError({
      code: "unknown",
      reason: "runtime_error",
      text: String((error as Error)?.message ?? error),
      cause: error,
      ...where,
    });
  return foreign(error).with(where);
}

const deadReasons = {
  ENOENT: "socket_missing",
  EACCES: "socket_forbidden",
  ECONNREFUSED: "connection_refused",
  ECONNRESET: "connection_lost",
  EPIPE: "connection_lost",
  ERR_HTTP2_GOAWAY_SESSION: "goaway",
} as const;

function foreign(error: ConnectError): CriError {
  const node = errorCode(error.cause);
  const text = error.rawMessage;
  if (node !== undefined && Object.hasOwn(deadReasons, node)) {
    const reason = deadReasons[node as keyof typeof deadReasons];
    return new CriError({ code: "unavailable", reason, text, cause: error });
  }
  const code = codeFromNumber(error.code);
  if (code === "deadline_exceeded" && error.cause === undefined && text === "the operation timed out")
    return deadlineError(text, error);
  if (code === "canceled" && text.startsWith("http/2 stream closed"))
    return new CriError({ code: "unavailable", reason: "connection_lost", text, cause: error });
  return new CriError({ code, reason: "runtime_error", text, cause: error });
}
