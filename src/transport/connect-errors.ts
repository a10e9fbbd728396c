import { Code, ConnectError } from "@connectrpc/connect";
import {
  type CriError,
  type CriErrorInit,
  checkArgument,
  codeFromNumber,
  codeToNumber,
  criError,
  deadlineError,
  isCriError,
  option,
} from "../core/index.js";
import { errorCode } from "./dial-failure.js";

/**
 * Converts a {@link CriError} to the `ConnectError` that Connect's interceptors and clients expect; the `CriError` is its cause. The
 * declared type is a plain Error, because Connect's declarations need the DOM library.
 */
export function toConnectError(error: unknown): Error {
  if (error instanceof ConnectError) return error;
  if (!isCriError(error)) return ConnectError.from(error, Code.Internal);
  return new ConnectError(error.rawMessage, codeToNumber(error.code), undefined, undefined, error);
}

/** Throws the `ConnectError` of `invalid_option` for anything but the descriptor of an RPC. */
export function checkMethod(operation: "unary" | "stream", method: unknown): void {
  try {
    checkArgument(operation, "method", method, option.method);
  } catch (error) {
    throw toConnectError(error);
  }
}

/**
 * Converts what a transport rejected with to a {@link CriError}. Errors of our transport are unwrapped; those of another one
 * (Connect's own, an in-memory one) are converted by code, except that the errors of a dead runtime, which Connect reports as internal,
 * aborted or canceled, become unavailable.
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
    return criError("runtime_error", String((error as Error)?.message ?? error), {
      code: "unknown",
      cause: error,
      ...where,
    });
  return fromConnectError(error).with(where);
}

/** The reasons of Node errors that mean a dead runtime. */
const connectionReasons = {
  ENOENT: "socket_missing",
  EACCES: "socket_forbidden",
  ECONNREFUSED: "connection_refused",
  ECONNRESET: "connection_lost",
  EPIPE: "connection_lost",
  ERR_HTTP2_GOAWAY_SESSION: "goaway",
} as const;

function fromConnectError(error: ConnectError): CriError {
  const node = errorCode(error.cause);
  const text = error.rawMessage;
  if (node !== undefined && Object.hasOwn(connectionReasons, node)) {
    const reason = connectionReasons[node as keyof typeof connectionReasons];
    return criError(reason, text, { cause: error });
  }
  const code = codeFromNumber(error.code);
  if (code === "deadline_exceeded" && error.cause === undefined && text === "the operation timed out")
    return deadlineError(text, error);
  if (code === "canceled" && text.startsWith("http/2 stream closed"))
    return criError("connection_lost", text, { cause: error });
  return criError("runtime_error", text, { code, cause: error });
}
