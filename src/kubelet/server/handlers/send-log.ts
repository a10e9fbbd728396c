import type { ServerResponse } from "node:http";
import { isCriError, rawMessageOf } from "../../../core/index.js";
import { HttpError } from "../http-error.js";

/** What {@link sendLog} sends. */
export interface SentLog {
  readonly contentType: string;
  /** Whether more lines may come: then the client learns that the log is followed before there is a line. */
  readonly follow: boolean;
  /** Writes the lines to the response. */
  readonly write: () => Promise<unknown>;
  /** Fires when the client has left. */
  readonly signal: AbortSignal;
}

/** Answers with a log. Rejects with 400 for a log that cannot be read, unless the response has begun. */
export async function sendLog(
  response: ServerResponse,
  { contentType, follow, write, signal }: SentLog,
): Promise<void> {
  response.setHeader("Content-Type", contentType);
  if (follow) response.flushHeaders();
  try {
    await write();
  } catch (error) {
    if (signal.aborted) return;
    throw isCriError(error) && !response.headersSent ? new HttpError(400, rawMessageOf(error)) : error;
  }
  response.end();
}
