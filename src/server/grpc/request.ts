import type { IncomingHttpHeaders } from "node:http2";
import { callRefused } from "../errors.js";

const grpcType = /^application\/grpc(?:\+proto)?(?:;|$)/i;

/** The HTTP status that refuses a request which is no gRPC; undefined for one that is. */
export function refusalStatus({
  ":method": method,
  "content-type": type = "",
}: IncomingHttpHeaders): 405 | 415 | undefined {
  if (method !== "POST") return 405;
  return grpcType.test(type) ? undefined : 415;
}

/** The content type of the answer to a request: gRPC's clients take either, and each is given its own. */
export function answerType({ "content-type": type = "" }: IncomingHttpHeaders): string {
  return /^application\/grpc\+proto/i.test(type) ? "application/grpc+proto" : "application/grpc";
}

/** The compression of a request's messages. Throws `unimplemented` for one that is not known. */
export function readEncoding({ "grpc-encoding": encoding }: IncomingHttpHeaders): string | undefined {
  if (encoding === undefined || encoding === "identity" || encoding === "gzip") return encoding;
  throw callRefused(`the compression ${encoding} is not supported`, "unimplemented");
}

const unitMs: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 0.001,
  n: 0.000_001,
};

/** The milliseconds of `grpc-timeout`; undefined where there is none, or one that is none. */
export function readTimeoutMs({ "grpc-timeout": header }: IncomingHttpHeaders): number | undefined {
  const [, digits, unit = ""] = /^(\d{1,8})([HMSmun])$/.exec(String(header ?? "")) ?? [];
  return digits === undefined ? undefined : Number(digits) * (unitMs[unit] ?? 0);
}

/** The headers that are a caller's own, and not gRPC's or HTTP's. */
export function metadataOf(headers: IncomingHttpHeaders): Record<string, string> {
  const own = Object.entries(headers).filter(
    ([name, value]) => value !== undefined && !name.startsWith(":") && !name.startsWith("grpc-"),
  );
  return Object.fromEntries(own.map(([name, value]) => [name, [value].flat().join(", ")]));
}
