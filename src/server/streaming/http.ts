import { type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import type { SessionPlan } from "./requests.js";

/** An HTTP response that refuses a request. */
export interface Refusal {
  readonly status: number;
  /** The error in plain text; the client may show it. */
  readonly text: string;
  readonly headers?: readonly (readonly [name: string, value: string])[];
}

/** Unknown and used tokens get the same response. */
export const notFound: Refusal = { status: 404, text: "404 page not found\n" };

const methodNotAllowed: Refusal = {
  status: 405,
  text: "405 method not allowed\n",
  headers: [["Allow", "GET, POST"]],
};

/** Refuses a request that cannot become a session. */
export function unableToUpgrade(why: string): Refusal {
  return { status: 400, text: `unable to upgrade: ${why}\n` };
}

/** Refuses a request without a common protocol. */
export function noProtocol(offered: readonly string[], supported: readonly string[]): Refusal {
  return {
    status: 403,
    text: `unable to upgrade: the client offers ${offered.join(", ")}; the server accepts ${supported.join(", ")}\n`,
    headers: supported.map((name) => ["X-Accepted-Stream-Protocol-Versions", name]),
  };
}

/** The time that a refused client may take to disconnect, in milliseconds. */
const disconnectMs = 5_000;

/** Returns the session of a request's path. This uses up the token, whatever happens to the request. */
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

/** Reports whether a request was refused. */
export function isRefusal(result: SessionPlan | Refusal): result is Refusal {
  return "status" in result;
}

/** Refuses a request without an upgrade. */
export function refuseRequest(response: ServerResponse, refusal: Refusal): void {
  for (const [name, value] of headersOf(refusal)) response.appendHeader(name, value);
  response.writeHead(refusal.status).end(refusal.text);
}

/** Refuses an upgrade and ends the connection. */
export function refuseUpgrade({ method }: IncomingMessage, socket: Duplex, refusal: Refusal): void {
  socket.on("error", () => undefined);
  const timer = setTimeout(() => socket.destroy(), disconnectMs).unref();
  socket.once("close", () => clearTimeout(timer));
  socket.once("end", () => socket.destroy());
  // Unread bytes would turn the end into a TCP reset, which may drop the response.
  socket.resume();
  const body = method === "HEAD" ? "" : refusal.text;
  socket.end(responseHead(refusal.status, headersOf(refusal)) + body);
}

/** Returns the status line and headers of an HTTP/1.1 response. */
export function responseHead(status: number, headers: readonly (readonly [string, string])[]): string {
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

/** Splits a comma-separated header, which may occur several times, into its values, in the client's order of preference. */
export function headerList(header: string | readonly string[] | undefined): string[] {
  return [header ?? []]
    .flat()
    .join(",")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}
