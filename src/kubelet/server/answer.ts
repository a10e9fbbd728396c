import type { ServerResponse } from "node:http";
import { messageOf } from "../../core/index.js";
import { HttpError } from "./http-error.js";

/** Answers with plain text. */
export function answerText(
  response: ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  answer(response, status, text, { "Content-Type": "text/plain; charset=utf-8", ...headers });
}

/** Answers with a page. */
export function answerHtml(
  response: ServerResponse,
  page: string,
  headers: Readonly<Record<string, string>>,
): void {
  answer(response, 200, page, { "Content-Type": "text/html; charset=utf-8", ...headers });
}

/** Answers with a value in JSON. */
export function answerJson(response: ServerResponse, value: unknown, status = 200): void {
  answer(response, status, `${JSON.stringify(value)}\n`, { "Content-Type": "application/json" });
}

/**
 * Responds with the text of an error, which clients include in their own. A response that has begun is cut off, so that it does not look
 * complete.
 */
export function answerError(response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) response.destroy();
  else if (error instanceof HttpError) answerText(response, error.status, error.message, error.headers);
  else answerText(response, 500, messageOf(error));
}

function answer(
  response: ServerResponse,
  status: number,
  body: string,
  headers: Readonly<Record<string, string>>,
): void {
  response
    .writeHead(status, {
      ...headers,
      "Content-Length": String(Buffer.byteLength(body)),
      "X-Content-Type-Options": "nosniff",
    })
    .end(body);
}
