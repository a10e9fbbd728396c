import { type CriError, criError, describe } from "../core/index.js";

/**
 * The address of a runtime.
 * - `unix`: a socket file · `abstract`: a Linux socket name without a file · `pipe`: a Windows named pipe
 * - `tcp`: a host and port, with TLS or without
 */
export type Endpoint = {
  /** Its canonical form: two endpoints are equal if their URLs are. */
  readonly url: string;
} & (
  | {
      readonly kind: "unix";
      /** The path of the socket file. */
      readonly path: string;
    }
  | {
      readonly kind: "abstract";
      /** The name of the socket, without the leading `@` or NUL byte. */
      readonly name: string;
    }
  | {
      readonly kind: "pipe";
      /** The path of the pipe, such as `\\.\pipe\NAME`. */
      readonly path: string;
    }
  | {
      readonly kind: "tcp";
      /** A name or an address; an IPv6 address without brackets. */
      readonly host: string;
      /** The port, from 1 to 65535. */
      readonly port: number;
      /** Whether the connection is over TLS. */
      readonly tls: boolean;
    }
);

/** The kernel's limit for a Unix socket path, in bytes; above it, connect() fails with a plain ENOENT. */
const maxSocketPathBytes = 107;

/**
 * Parses an endpoint in any form that the kubelet, crictl and gRPC accept:
 * `unix:///run/x.sock`, `unix:/run/x.sock`, `/run/x.sock` · `unix-abstract:name`, `@name` ·
 * `npipe:////./pipe/name`, `npipe://./pipe/name`, `\\.\pipe\name` · `tcp://host:port`, `http://host:port` ·
 * `https://host:port` (TLS). Percent-escapes in a Unix socket path are decoded and a query is ignored, as in Kubernetes.
 *
 * Throws {@link CriError} `invalid_endpoint`.
 */
export function parseEndpoint(text: string): Endpoint {
  if (typeof text !== "string")
    throw criError("invalid_endpoint", `an endpoint must be a string, got ${describe(text)}`);
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase();
  if (text === "") throw invalid(text, "it is empty");
  if (text.startsWith("/")) return unix(text, text);
  if (text.startsWith("@")) return abstract(text, text.slice(1));
  if (text.startsWith("\\\\")) return pipe(text, text);
  if (scheme === "unix") return unix(text, unixPath(text));
  if (scheme === "unix-abstract") return abstract(text, text.slice("unix-abstract:".length));
  if (scheme === "npipe") return pipe(text, text.slice("npipe:".length));
  if (scheme === "tcp" || scheme === "http" || scheme === "https") return tcp(text, scheme === "https");
  if (scheme !== undefined && text.includes("://"))
    throw invalid(
      text,
      `the scheme "${scheme}" is not one of unix, unix-abstract, npipe, tcp, http and https`,
    );
  throw invalid(
    text,
    "it is a relative path; use an absolute one, such as unix:///run/containerd/containerd.sock",
  );
}

function unixPath(text: string): string {
  const rest = text.slice("unix:".length).replace(/[?#].*$/, "");
  const path = rest.startsWith("//") ? rest.slice(2) : rest;
  if (!path.startsWith("/")) throw invalid(text, "the socket path must be absolute: unix:///path/to/socket");
  try {
    return decodeURIComponent(path);
  } catch {
    throw invalid(text, "it contains a malformed percent-escape");
  }
}

function unix(text: string, path: string): Endpoint {
  if (!/^\P{Cs}*$/u.test(path)) throw invalid(text, "it is not well-formed Unicode");
  if (path.includes("\0")) throw invalid(text, "a socket path cannot contain a NUL byte");
  const bytes = Buffer.byteLength(path);
  if (bytes > maxSocketPathBytes)
    throw invalid(text, `the socket path has ${bytes} bytes; the kernel allows ${maxSocketPathBytes}`);
  return Object.freeze({
    kind: "unix",
    path,
    url: `unix://${encodeURI(path).replace(/[?#]/g, encodeURIComponent)}`,
  });
}

function abstract(text: string, name: string): Endpoint {
  if (name === "") throw invalid(text, "the abstract socket has no name");
  if (Buffer.byteLength(name) > maxSocketPathBytes)
    throw invalid(text, `the name is longer than ${maxSocketPathBytes} bytes`);
  return Object.freeze({ kind: "abstract", name, url: `unix-abstract:${name}` });
}

/** Parses `//./pipe/name`, `////./pipe/name` or `\\.\pipe\name`: with slashes or backslashes; the host defaults to `.`. */
function pipe(text: string, rest: string): Endpoint {
  const match = /^\/*([^/]*)\/pipe\/(.+)$/i.exec(rest.replaceAll("\\", "/"));
  if (!match) throw invalid(text, "a named pipe has the form npipe:////./pipe/name");
  const host = match[1] || ".";
  return Object.freeze({
    kind: "pipe",
    path: `\\\\${host}\\pipe\\${match[2]?.replaceAll("/", "\\")}`,
    url: `npipe:////${host}/pipe/${match[2]}`,
  });
}

function tcp(text: string, tls: boolean): Endpoint {
  const rest = text.slice(text.indexOf(":") + 1);
  const match = /^\/\/(\[[0-9a-f:.]+\]|[^/:?#@[\]]+):(\d{1,5})\/?$/i.exec(rest);
  const port = Number(match?.[2]);
  if (!match || !(port >= 1 && port <= 65_535))
    throw invalid(
      text,
      `it needs a host and a port from 1 to 65535, such as ${tls ? "https" : "tcp"}://localhost:10010`,
    );
  const host = (match[1] ?? "").replace(/^\[|\]$/g, "");
  const url = `${tls ? "https" : "tcp"}://${match[1]}:${port}`;
  return Object.freeze({ kind: "tcp", host, port, tls, url });
}

function invalid(text: string, why: string): CriError {
  return criError("invalid_endpoint", `endpoint ${describe(text)}: ${why}`, {
    problems: [{ path: "endpoint", message: why, value: text }],
  });
}
