import { type Cri, isCriError, type LogEntry, type ReadLogsOptions } from "cri-sdk";
import type { WebSocket } from "ws";
import type { LogLine, LogMessage } from "../messages.js";
import { HttpError } from "./access.js";
import { Credit } from "./credit.js";
import { readSocketRequest } from "./socket-requests.js";

/** The lines of one message. */
const linesPerMessage = 250;
/** Longer lines are shown in pieces. */
const maxLineBytes = 16 * 1024;
const maxTail = 5_000;

/** What a page asks for when it opens a log. */
export interface LogRequest {
  readonly container: string;
  readonly tail: number;
}

/** Reads the parameters of a request. Throws {@link HttpError}. */
export function readLogRequest(query: URLSearchParams): LogRequest {
  const container = query.get("container") ?? "";
  if (container === "") throw new HttpError(400, "container: is missing");
  const tail = query.get("tail") ?? "200";
  if (!/^\d+$/.test(tail) || Number(tail) > maxTail)
    throw new HttpError(400, `tail: must be a number up to ${maxTail}, got ${JSON.stringify(tail)}`);
  return { container, tail: Number(tail) };
}

/** Follows a log until the page closes the socket or the container ends. */
export async function followLog(cri: Cri, socket: WebSocket, { container, tail }: LogRequest): Promise<void> {
  const controller = new AbortController();
  socket.once("close", () => controller.abort());
  const credit = new Credit(socket);
  socket.on("message", (data) => {
    const request = readSocketRequest(String(data));
    if (request?.type === "shown") credit.acknowledge(request);
  });
  const send = (message: LogMessage) => credit.send(JSON.stringify(message));
  const notices: string[] = [];
  try {
    const { signal } = controller;
    const options = { follow: true, tail, maxLineBytes, signal };
    const reader = cri.logs(container, {
      ...options,
      onNotice: (notice) => notices.push(noticeText(notice)),
    });
    for await (const entries of reader.batches()) {
      for (const text of notices.splice(0)) await send({ type: "notice", text });
      for (let first = 0; first < entries.length; first += linesPerMessage) {
        const lines = entries.slice(first, first + linesPerMessage).map(logLine);
        if (!(await send({ type: "lines", lines }))) return;
      }
    }
    const { reason } = await reader.ended;
    await send({ type: "end", text: reason });
  } catch (error) {
    if (controller.signal.aborted) return;
    if (!isCriError(error)) throw error;
    await send({ type: "error", text: error.message });
  }
}

/** Returns the last lines of a log that may be that of a container which ended. */
export async function lastLines(
  cri: Cri,
  { container, tail }: LogRequest,
  signal: AbortSignal,
): Promise<LogLine[]> {
  const lines: LogLine[] = [];
  for await (const entry of cri.logs(container, { tail, maxLineBytes, signal })) lines.push(logLine(entry));
  return lines.slice(-tail);
}

function logLine({ time, stream, text }: LogEntry): LogLine {
  return [time.getTime(), stream, text];
}

type LogNotice = Parameters<NonNullable<ReadLogsOptions["onNotice"]>>[0];

function noticeText({ kind }: LogNotice): string {
  switch (kind) {
    case "rotated":
      return "The log was rotated.";
    case "truncated":
      return "The log was truncated: lines may be missing.";
    case "lost":
      return "A file of the log was deleted: lines may be missing.";
    default:
      return "A part of the log is damaged, and was skipped.";
  }
}
