import { type CriError, type CriErrorCode, codeFromNumber, criError } from "../core/index.js";
import { errorCode, errorCodeName, type HeaderMap } from "../http2/index.js";
import { malformed } from "./envelope.js";

/** A gRPC status in headers or trailers; the error is null for OK. */
export interface GrpcStatus {
  readonly error: CriError | null;
}

/** Reads `grpc-status` and `grpc-message`; undefined without them. A status that is not a number from 0 to 16 is `unknown`. */
export function readStatus(headers: HeaderMap): GrpcStatus | undefined {
  const status = headers["grpc-status"];
  if (status === undefined) return undefined;
  if (status === "0") return { error: null };
  const message = headers["grpc-message"];
  const text = typeof message === "string" ? percentDecode(message) : "";
  const code = codeFromNumber(Number(status));
  return { error: criError("runtime_error", text || `gRPC status ${status}`, { code }) };
}

/** Returns the error of headers that do not belong to a gRPC response; undefined if they do. */
export function notGrpc(headers: HeaderMap): CriError | undefined {
  if (headers[":status"] === "200" && headers["content-type"] === "application/grpc") return undefined;
  const status = Number(headers[":status"]);
  const type = headers["content-type"];
  if (status !== 200) {
    const code = codeOfHttpStatus(status);
    return criError("not_grpc", `the server responded with HTTP status ${status} instead of gRPC`, {
      code,
      hint: notGrpcHint,
    });
  }
  if (type === undefined || !/^application\/grpc(?:[+;]|$)/i.test(type)) {
    const text = `the response has content-type ${type ?? "none"} instead of application/grpc`;
    return criError("not_grpc", text, { code: "unknown", hint: notGrpcHint });
  }
  return undefined;
}

const notGrpcHint = "Check that this is the CRI endpoint, and that no proxy responds in its place";

/** Returns the code of an HTTP status, by gRPC's table for proxies that do not speak gRPC. */
function codeOfHttpStatus(status: number): CriErrorCode {
  switch (status) {
    case 400:
      return "internal";
    case 401:
      return "unauthenticated";
    case 403:
      return "permission_denied";
    case 404:
      return "unimplemented";
    case 429:
    case 502:
    case 503:
    case 504:
      return "unavailable";
    default:
      return "unknown";
  }
}

/** Creates the error of a stream that the peer reset without a status, by the HTTP/2 error code. */
export function resetFailure(rstCode: number): CriError {
  const text = `the runtime reset the call (HTTP/2 ${errorCodeName(rstCode)})`;
  const of = (code: CriErrorCode) => criError("stream_reset", text, { code });
  switch (rstCode) {
    case errorCode.noError:
      return malformed("the response ended without a gRPC status");
    // gRPC maps CANCEL to `canceled`, which a caller would mistake for its own abort.
    case errorCode.cancel:
    case errorCode.refusedStream:
      return of("unavailable");
    case errorCode.enhanceYourCalm:
      return of("resource_exhausted");
    case errorCode.inadequateSecurity:
      return of("permission_denied");
    default:
      return of("internal");
  }
}

/** Decodes `grpc-message`, which is percent-encoded UTF-8; a text that cannot be decoded is returned unchanged. */
function percentDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
