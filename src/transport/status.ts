import { constants, type IncomingHttpHeaders } from "node:http2";
import { CriError, type CriErrorCode, codeFromNumber } from "../core/index.js";
import { malformed } from "./envelope.js";

/** gRPC's status in a block of headers or trailers: undefined when there is none, a null error for OK. */
export interface GrpcStatus {
  readonly error: CriError | null;
}

/** Reads `grpc-status` and `grpc-message`. A status that is no number from 0 to 16 counts as `unknown`. */
export function readStatus(headers: IncomingHttpHeaders): GrpcStatus | undefined {
  const status = headers["grpc-status"];
  if (status === undefined) return undefined;
  if (status === "0") return { error: null };
  const message = headers["grpc-message"];
  const text = typeof message === "string" ? percentDecode(message) : "";
  const code = codeFromNumber(Number(status));
  return { error: new CriError({ code, reason: "runtime_error", text: text || `gRPC status ${status}` }) };
}

/** Why an answer's headers are no gRPC answer; undefined when they are one. */
export function notGrpc(headers: IncomingHttpHeaders): CriError | undefined {
  const status = Number(headers[":status"]);
  const type = headers["content-type"];
  if (status !== 200) {
    const code = codeOfHttpStatus(status);
    return new CriError({
      code,
      reason: "not_grpc",
      text: `HTTP status ${status} instead of a gRPC answer`,
      hint: notGrpcHint,
    });
  }
  if (type === undefined || !/^application\/grpc(?:[+;]|$)/i.test(type)) {
    const text = `the answer has content-type ${type ?? "none"} instead of application/grpc`;
    return new CriError({ code: "unknown", reason: "not_grpc", text, hint: notGrpcHint });
  }
  return undefined;
}

const notGrpcHint = "Is this the CRI endpoint, and is there a proxy in between?";

/** gRPC's own table for HTTP statuses of something in between that does not speak gRPC. */
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

/** A stream that the peer reset without a status, by HTTP/2 error code. */
export function resetFailure(rstCode: number): CriError {
  const text = `the runtime reset the call (HTTP/2 ${http2CodeName(rstCode)})`;
  const of = (code: CriErrorCode) => new CriError({ code, reason: "stream_reset", text });
  switch (rstCode) {
    case constants.NGHTTP2_NO_ERROR:
      return malformed("the answer ended without a gRPC status");
    // gRPC calls CANCEL `canceled`; nobody here cancelled, so a caller must not take it for its own abort.
    case constants.NGHTTP2_CANCEL:
    case constants.NGHTTP2_REFUSED_STREAM:
      return of("unavailable");
    case constants.NGHTTP2_ENHANCE_YOUR_CALM:
      return of("resource_exhausted");
    case constants.NGHTTP2_INADEQUATE_SECURITY:
      return of("permission_denied");
    default:
      return of("internal");
  }
}

/** HTTP/2's error codes by number, as RFC 9113 names them. */
const http2CodeNames = [
  "NO_ERROR",
  "PROTOCOL_ERROR",
  "INTERNAL_ERROR",
  "FLOW_CONTROL_ERROR",
  "SETTINGS_TIMEOUT",
  "STREAM_CLOSED",
  "FRAME_SIZE_ERROR",
  "REFUSED_STREAM",
  "CANCEL",
  "COMPRESSION_ERROR",
  "CONNECT_ERROR",
  "ENHANCE_YOUR_CALM",
  "INADEQUATE_SECURITY",
  "HTTP_1_1_REQUIRED",
];

/** The name of an HTTP/2 error code, for messages. */
export function http2CodeName(code: number): string {
  return http2CodeNames[code] ?? `code ${code}`;
}

/** `grpc-message` is percent-encoded UTF-8; what does not decode is shown as it came. */
function percentDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
