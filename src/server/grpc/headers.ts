import { type CriError, codeToNumber } from "../../core/index.js";
import { type HeaderFields, type HeaderMap, RepeatedHeaders } from "../../http2/index.js";
import { rejectedCall } from "../errors.js";

const grpcType = /^application\/grpc(?:\+proto)?(?:;|$)/i;

const methodNotAllowed = new RepeatedHeaders({ ":status": "405", allow: "POST" });
const unsupportedMediaType = new RepeatedHeaders({ ":status": "415" });

/** Returns the response that refuses a request which is not gRPC; undefined for a gRPC request. */
export function refusalHeaders({
  ":method": method,
  "content-type": type = "",
}: HeaderMap): RepeatedHeaders | undefined {
  if (method !== "POST") return methodNotAllowed;
  return grpcType.test(type) ? undefined : unsupportedMediaType;
}

function responseOf(type: string): RepeatedHeaders {
  return new RepeatedHeaders({
    ":status": "200",
    "content-type": type,
    "grpc-accept-encoding": "identity,gzip",
  });
}
const plainResponse = responseOf("application/grpc");
const protoResponse = responseOf("application/grpc+proto");

/** Returns the headers of the response: with the content type that the request uses. */
export function responseHeaders({ "content-type": type = "" }: HeaderMap): RepeatedHeaders {
  return type !== "application/grpc" && /^application\/grpc\+proto/i.test(type)
    ? protoResponse
    : plainResponse;
}

/** Returns the compression of a request's messages. Throws `unimplemented` for an unknown one. */
export function readEncoding({ "grpc-encoding": encoding }: HeaderMap): string | undefined {
  if (encoding === undefined || encoding === "identity" || encoding === "gzip") return encoding;
  throw rejectedCall(`grpc-encoding: the compression ${encoding} is not supported`, "unimplemented");
}

const unitMs: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 0.001,
  n: 0.000_001,
};

/** Returns the milliseconds of `grpc-timeout`; undefined where it is absent or malformed. */
export function readTimeoutMs({ "grpc-timeout": header }: HeaderMap): number | undefined {
  const [, digits, unit = ""] = /^(\d{1,8})([HMSmun])$/.exec(String(header ?? "")) ?? [];
  return digits === undefined ? undefined : Number(digits) * (unitMs[unit] ?? 0);
}

/** Returns the caller's own headers, without those of gRPC and HTTP/2. */
export function metadataOf(headers: HeaderMap): Record<string, string> {
  const own = Object.entries(headers).filter(
    ([name, value]) => value !== undefined && !name.startsWith(":") && !name.startsWith("grpc-"),
  );
  return Object.fromEntries(own.map(([name, value]) => [name, value ?? ""]));
}

/** The limit of an encoded `grpc-message`. Clients accept at least 8 KiB of headers, and mostly 16 KiB or more. */
const messageLimitBytes = 2 ** 14;

/** The trailers of a successful call. */
export const okTrailers = new RepeatedHeaders({ "grpc-status": "0" });
/** The part that the trailers of all failed calls have in common. */
export const noTrailers = new RepeatedHeaders({});

/** Returns the trailers of a failed call. */
export function statusTrailers({ code, rawMessage: text }: CriError): HeaderFields {
  return { "grpc-status": String(codeToNumber(code)), "grpc-message": encodeMessage(text) };
}

/** Encodes a `grpc-message`: UTF-8 with everything but printable ASCII percent-encoded. Long texts are truncated. */
function encodeMessage(text: string): string {
  const head = text.slice(0, messageLimitBytes);
  const encoded = percentEncode(head);
  if (head === text && encoded.length <= messageLimitBytes) return encoded;
  // Cuts before an incomplete escape and before a character of several bytes.
  const cut = encoded.slice(0, messageLimitBytes - 3).replace(/%.?$/, "");
  return `${cut.replace(/(?:%[C-F].)?(?:%[89AB].)*$/, "")}...`;
}

function percentEncode(text: string): string {
  // Byte by byte, since encodeURIComponent throws for a lone surrogate, which becomes the replacement character here.
  const percent = (part: string) =>
    [...Buffer.from(part)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("");
  return text.replace(/[^\x20-\x24\x26-\x7e]+/g, percent);
}
