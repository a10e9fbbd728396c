import { type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import type { SessionPlan } from "./requests.js";

/** An answer that refuses a request. */
export interface Refusal {
  readonly status: number;
  /** What went wrong, in plain text; the client may show it. */
  readonly text: string;
  readonly headers?: readonly (readonly [name: string, value: string])[];
}

/** Nothing tells an unknown token from a spent one. */
export const notFound: Refusal = { status: 404, text: "404 page not found\n" };

const methodNotAllowed: Refusal = {
  status: 405,
  text: "405 method not allowed\n",
  headers: [["Allow", "GET, POST"]],
};

/** A request that can be no session. */
export function unableToUpgrade(why: string): Refusal {
  return { status: 400, text: `unable to upgrade: ${why}\n` };
}

/** A request without a protocol in common. */
export function noProtocol(offered: readonly string[], supported: readonly string[]): Refusal {
  return {
    status: 403,
    text: `unable to upgrade: the client offers ${offered.join(", ")}; the server accepts ${supported.join(", ")}\n`,
    headers: supported.map((name) => ["X-Accepted-Stream-Protocol-Versions", name]),
  };
}

/** How long a refused client may take to hang up, in milliseconds. */
const hangUpMs = 5_000;

/** The session that a request's path names; its token is spent, whatever becomes of the request. */
export function planOf(
  request: IncomingMessage,
  take: (token: string) => SessionPlan | undefined,
): SessionPlan | Refusal {
  const [path = ""] = (request.url ?? "").split("?");
  const [, kind, token] = /\/(exec|attach|portforward)\/([^/]+)$/.exec(path) ?? [];
  if (kind === undefined || token === undefined) return notFound;
  if (request.method !== "GET" && request.method !== "POST") return methodNotAllowed;
  const plan = take(token);
  return plan?.kind === kind ? plan : notFound;
}

/** Whether a request was refused. */
export function isRefusal(answer: SessionPlan | Refusal): answer is Refusal {
  return "status" in answer;
}

/** Refuses a request that asked for no upgrade. */
export function answer(response: ServerResponse, refusal: Refusal): void {
  for (const [name, value] of headersOf(refusal)) response.appendHeader(name, value);
  response.writeHead(refusal.status).end(refusal.text);
}

/** Refuses an upgrade, and ends the connection. */
export function refuse({ method }: IncomingMessage, socket: Duplex, refusal: Refusal): void {
  socket.on("error", () => undefined);
  const timer = setTimeout(() => socket.destroy(), hangUpMs).unref();
  socket.once("close", () => clearTimeout(timer));
  socket.once("end", () => socket.destroy());
  // Bytes that nobody reads would turn the end into a reset, and the answer might be lost.
  socket.resume();
  const body = method === "HEAD" ? "" : refusal.text;
  socket.end(answerHead(refusal.status, headersOf(refusal)) + body);
}

/** The beginning of an HTTP/1.1 answer. */
export function answerHead(status: number, headers: readonly (readonly [string, string])[]): string {
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    ...headers.map(([name, value]) => `${name}: ${value}`),
  ];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

function headersOf({ text, headers = [] }: Refusal): (readonly [string, string])[] {
  return [
    ...headers,
    ["Content-Type", "text/plain; charset=utf-8"],
    ["Content-Length", String(Buffer.byteLength(text))],
    ["Connection", "close"],
  ];
}
