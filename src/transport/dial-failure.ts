import { statSync } from "node:fs";
import { type CriError, type CriErrorReason, criError, errorsOf, messageOf } from "../core/index.js";
import type { Endpoint } from "./endpoint.js";

interface Explanation {
  readonly reason: CriErrorReason;
  readonly text: string;
  readonly hint?: string;
}

/** Creates the error of a failed dial: always `unavailable`, with the reason and, where known, a hint. */
export function dialFailure(endpoint: Endpoint, cause: unknown): CriError {
  const code = errorCode(cause);
  const known = code === undefined ? undefined : explain(code, endpoint);
  const text = messageOf(cause);
  const { reason, text: why, hint } = known ?? { reason: "unreachable", text: `cannot connect: ${text}` };
  // The code is always unavailable here, also for `not_grpc`, whose code otherwise varies.
  return criError("unreachable", why, { hint, endpoint: endpoint.url, cause }).with({ reason });
}

/** Creates the error of a peer that accepted the connection and sent no HTTP/2 SETTINGS within `timeoutMs`. */
export function handshakeTimeout(endpoint: Endpoint, timeoutMs: number): CriError {
  return criError("handshake_timeout", `connected, but received no HTTP/2 SETTINGS within ${timeoutMs} ms`, {
    endpoint: endpoint.url,
    hint: "Check that this is the CRI socket: containerd's containerd.sock.ttrpc, for example, accepts connections but does not speak HTTP/2",
  });
}

/** Creates the error of a peer that closed the connection before it sent HTTP/2 SETTINGS. */
export function closedInHandshake(endpoint: Endpoint, cause: unknown): CriError {
  return criError(
    "connection_lost",
    "the peer accepted the connection and closed it before sending HTTP/2 SETTINGS",
    {
      endpoint: endpoint.url,
      hint: "Check the endpoint and the runtime's state: it may be starting or stopping, or the server is not a CRI runtime",
      cause,
    },
  );
}

/** Returns the `code` of a Node error, also of one in the chain of causes. */
export function errorCode(error: unknown): string | undefined {
  let current = error;
  for (let depth = 0; depth < 8 && typeof current === "object" && current !== null; depth++) {
    if ("code" in current && typeof current.code === "string") return current.code;
    // A dial to a host with several addresses fails with the errors of all; the first one represents them.
    current = errorsOf(current)?.[0] ?? ("cause" in current ? current.cause : undefined);
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
        hint: "Check that the runtime is running, and that it listens at this path",
      };
    case "ENOTDIR":
      return {
        reason: "socket_missing",
        text: `no socket at ${path}: a component of the path is not a directory`,
      };
    case "EACCES":
    case "EPERM":
      return {
        reason: "socket_forbidden",
        text: `this user has no permission to open ${path}`,
        hint: "Run as root, or as a member of the socket's group",
      };
    case "ECONNREFUSED":
      return refused(path, endpoint);
    case "EAGAIN":
      return { reason: "connection_refused", text: `the queue of pending connections at ${path} is full` };
    case "ERR_HTTP2_ERROR":
    case "EPROTO":
    case "ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL":
      return {
        reason: "not_grpc",
        text: `the server at ${path} does not speak HTTP/2`,
        hint: "Check that this is not an HTTP/1 server, such as Docker's API, and not a TLS port with a plain-text scheme",
      };
    case "ECONNRESET":
    case "EPIPE":
      return {
        reason: "connection_lost",
        text: `the connection to ${path} was reset while it was being established`,
      };
    default:
      return undefined;
  }
}

function refused(path: string, endpoint: Endpoint): Explanation {
  // Connecting to a file that is not a socket is refused, too, but the runtime has not crashed.
  if (endpoint.kind === "unix" && isOtherFile(endpoint.path))
    return { reason: "connection_refused", text: `${path} is not a socket` };
  if (endpoint.kind === "abstract")
    return {
      reason: "connection_refused",
      text: `no process is listening at ${path}`,
      hint: "Check that the server is running. Node 20 pads abstract names with zeros, so it reaches only servers that run on Node",
    };
  return {
    reason: "connection_refused",
    text: `no process is listening at ${path}`,
    hint: "Check the runtime's service and its log: it stopped or crashed",
  };
}

/** Reports whether a file that is not a socket exists at a path. A restarting runtime may remove its socket at any moment. */
function isOtherFile(path: string): boolean {
  try {
    return !statSync(path).isSocket();
  } catch {
    return false;
  }
}
