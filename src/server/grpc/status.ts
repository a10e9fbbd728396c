import type { OutgoingHttpHeaders } from "node:http2";
import { type CriError, codeToNumber } from "../../core/index.js";

/**
 * How long a `grpc-message` may be, encoded. Node's clients, ours among them, take 64 KiB of headers at most, and fall
 * silent at more; Node's servers send no more than that either.
 */
const messageLimitBytes = 2 ** 14;

/** The trailers of a call that went well. */
export const okTrailers: OutgoingHttpHeaders = Object.freeze({ "grpc-status": "0" });

/** The trailers of a call that failed. */
export function statusTrailers({ code, text }: CriError): OutgoingHttpHeaders {
  return { "grpc-status": String(codeToNumber(code)), "grpc-message": encodeMessage(text) };
}

/** `grpc-message` is UTF-8 in which all but printable ASCII is percent-encoded. */
function encodeMessage(text: string): string {
  const head = text.slice(0, messageLimitBytes);
  const encoded = percentEncode(head);
  if (head === text && encoded.length <= messageLimitBytes) return encoded;
  // Not in the middle of an escape, nor in that of a character: the last one of several bytes goes as a whole.
  const cut = encoded.slice(0, messageLimitBytes - 3).replace(/%.?$/, "");
  return `${cut.replace(/(?:%[C-F].)?(?:%[89AB].)*$/, "")}...`;
}

function percentEncode(text: string): string {
  // By its bytes: a lone surrogate, which encodeURIComponent refuses, becomes the replacement character.
  const percent = (part: string) =>
    [...Buffer.from(part)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("");
  return text.replace(/[^\x20-\x24\x26-\x7e]+/g, percent);
}
