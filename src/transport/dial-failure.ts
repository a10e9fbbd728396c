import { statSync } from "node:fs";
import { CriError, type CriErrorReason } from "../core/index.js";
import type { Endpoint } from "./endpoint.js";

interface Explanation {
  readonly reason: CriErrorReason;
  readonly text: string;
  readonly hint?: string;
}

/** Why an endpoint could not be connected to: always `unavailable`, with the reason and what to look at next. */
export function dialFailure(endpoint: Endpoint, cause: unknown): CriError {
  const code = errorCode(cause);
  const known = code === undefined ? undefined : explain(code, endpoint);
  const text = cause instanceof Error ? cause.message : String(cause);
  const explanation = known ?? { reason: "unreachable" as const, text: `cannot connect: ${text}` };
  return new CriError({ code: "unavailable", endpoint: endpoint.url, cause, ...explanation });
}

/** The peer accepted the connection and then said nothing, or nothing of HTTP/2, within `timeoutMs`. */
export function handshakeTimeout(endpoint: Endpoint, timeoutMs: number): CriError {
  return new CriError({
    code: "unavailable",
    reason: "handshake_timeout",
    endpoint: endpoint.url,
    text: `connected, but got no HTTP/2 greeting within ${timeoutMs} ms`,
    hint: "Is this the CRI socket? containerd's containerd.sock.ttrpc, for one, accepts connections and keeps silent",
  });
}

/** The peer closed the connection before it said anything of HTTP/2. */
export function closedInHandshake(endpoint: Endpoint, cause: unknown): CriError {
  return new CriError({
    code: "unavailable",
    reason: "connection_lost",
    endpoint: endpoint.url,
    text: "the peer accepted the connection and closed it before the HTTP/2 greeting",
    hint: "A runtime that is starting or stopping does this, and so does a server that is no CRI runtime",
    cause,
  });
}

/** The string `code` of a Node error, looked for along the chain of causes. */
export function errorCode(error: unknown): string | undefined {
  let current = error;
  for (let depth = 0; depth < 8 && typeof current === "object" && current !== null; depth++) {
    if ("code" in current && typeof current.code === "string") return current.code;
    // A connection tried on several addresses fails with all their errors; the first stands for them.
    current =
      current instanceof AggregateError ? current.errors[0] : "cause" in current ? current.cause : undefined;
  }
  return undefined;
}

function explain(code: string, endpoint: Endpoint): Explanation | undefined {
  const path = endpoint.kind === "unix" || endpoint.kind === "pipe" ? endpoint.path : endpoint.url;
  switch (code) {
    case "ENOENT":
      return {
        reason: "socket_missing",
        text: `no socket at ${path}`,
        hint: "Is the runtime running, and is this the path it listens on?",
      };
    case "ENOTDIR":
      return {
        reason: "socket_missing",
        text: `no socket at ${path}: a part of the path is not a directory`,
      };
    case "EACCES":
    case "EPERM":
      return {
        reason: "socket_forbidden",
        text: `this user may not open ${path}`,
        hint: "Run as root, or as a member of the group that owns the socket",
      };
    case "ECONNREFUSED":
      return refused(path, endpoint);
    case "EAGAIN":
      return { reason: "connection_refused", text: `too many connections wait to be accepted at ${path}` };
    case "ERR_HTTP2_ERROR":
    case "ERR_HTTP2_SESSION_ERROR":
    case "EPROTO":
      return {
        reason: "not_grpc",
        text: `something answers at ${path}, but not with HTTP/2`,
        hint: "Is this the socket of an HTTP/1 server (Docker's API, for one), or a TLS port spoken to in plain text?",
      };
    case "ECONNRESET":
    case "EPIPE":
      return { reason: "connection_lost", text: `the connection to ${path} was reset while it opened` };
    default:
      return undefined;
  }
}

function refused(path: string, endpoint: Endpoint): Explanation {
  // A path that is no socket is refused, too; say so rather than sending the user to look for a crash.
  if (endpoint.kind === "unix" && isOther(endpoint.path))
    return { reason: "connection_refused", text: `${path} is not a socket` };
  if (endpoint.kind === "abstract")
    return {
      reason: "connection_refused",
      text: `nobody listens at ${path}`,
      hint: "Node 20 fills an abstract name up with zeros, so that it finds servers of Node only: is this one?",
    };
  return {
    reason: "connection_refused",
    text: `nobody listens at ${path}`,
    hint: "The runtime stopped or crashed; look at its service and its log",
  };
}

/** Whether there is something that is no socket. A runtime that restarts may take its socket away at any moment. */
function isOther(path: string): boolean {
  try {
    return !statSync(path).isSocket();
  } catch {
    return false;
  }
}
