import type { OutgoingHttpHeaders } from "node:http2";
import { type CriError, codeToNumber } from "../../core/index.js";

/** The trailers of a call that went well. */
export const okTrailers: OutgoingHttpHeaders = Object.freeze({ "grpc-status": "0" });

/** The trailers of a call that failed. */
export function statusTrailers({ code, text }: CriError): OutgoingHttpHeaders {
  return { "grpc-status": String(codeToNumber(code)), "grpc-message": percentEncode(text) };
}

/** `grpc-message` is UTF-8 in which all but printable ASCII is percent-encoded. */
function percentEncode(text: string): string {
  // By its bytes: a lone surrogate, which encodeURIComponent refuses, becomes the replacement character.
  const percent = (part: string) =>
    [...Buffer.from(part)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("");
  return text.replace(/[^\x20-\x24\x26-\x7e]+/g, percent);
}

const unitMs: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 0.001,
  n: 0.000_001,
};

/** The milliseconds of a `grpc-timeout`; undefined where there is none, or one that is none. */
export function parseTimeout(header: string | undefined): number | undefined {
  const [, digits, unit = ""] = /^(\d{1,8})([HMSmun])$/.exec(header ?? "") ?? [];
  return digits === undefined ? undefined : Number(digits) * (unitMs[unit] ?? 0);
}
