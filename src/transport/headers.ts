import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http2";
import type { DescMethod } from "@bufbuild/protobuf";
import { type HeadersInput, invalidOption } from "../core/index.js";
import type { RpcHeadersInit } from "./contract.js";
import type { Endpoint } from "./endpoint.js";

/** Names a caller's headers never replace: they are this transport's own. */
const reserved = new Set(["content-type", "te", "grpc-timeout", "grpc-encoding", "grpc-accept-encoding"]);

/** Builds the headers of each call to one endpoint. */
export type HeaderBuilder = (
  method: DescMethod,
  timeoutMs: number | undefined,
  extra: RpcHeadersInit | undefined,
) => OutgoingHttpHeaders;

/**
 * `application/grpc` goes out exactly so: CRI-O tells gRPC from HTTP/1 on its one socket by this value, and drops a
 * connection that begins with `application/grpc+proto`. The authority of a socket file is `localhost`, as in every
 * Kubernetes client.
 */
export function headerBuilder(endpoint: Endpoint, userAgent: string): HeaderBuilder {
  const overTcp = endpoint.kind === "tcp";
  const scheme = overTcp && endpoint.tls ? "https" : "http";
  const authority = overTcp ? new URL(endpoint.url.replace(/^tcp:/, "http:")).host : "localhost";
  const build = (method: DescMethod, timeout: string | undefined): OutgoingHttpHeaders => {
    const headers: OutgoingHttpHeaders = {
      ":method": "POST",
      ":scheme": scheme,
      ":authority": authority,
      ":path": `/${method.parent.typeName}/${method.name}`,
      "content-type": "application/grpc",
      te: "trailers",
      "user-agent": userAgent,
      "grpc-accept-encoding": "identity,gzip",
    };
    if (timeout !== undefined) headers["grpc-timeout"] = timeout;
    return Object.freeze(headers);
  };
  // Most calls of a method have its default deadline, and so the headers of the call before.
  const latest = new Map<
    DescMethod,
    { readonly timeoutMs: number | undefined; readonly headers: OutgoingHttpHeaders }
  >();
  return (method, timeoutMs, extra) => {
    let known = latest.get(method);
    if (known?.timeoutMs !== timeoutMs || known === undefined) {
      known = {
        timeoutMs,
        headers: build(method, timeoutMs === undefined ? undefined : grpcTimeout(timeoutMs)),
      };
      latest.set(method, known);
    }
    if (extra === undefined) return known.headers;
    const headers = { ...known.headers };
    for (const [name, value] of headerPairs(extra)) if (!reserved.has(name)) headers[name] = value;
    return headers;
  };
}

/** gRPC's timeout: at most eight digits and a unit; milliseconds where they fit, else seconds, rounded up. */
export function grpcTimeout(ms: number): string {
  return ms < 1e8 ? `${ms}m` : `${Math.ceil(ms / 1000)}S`;
}

/** Header names in lower case with their values. Throws `invalid_option` for what HTTP/2 or gRPC cannot carry. */
export function* headerPairs(input: HeadersInput | RpcHeadersInit): Generator<[string, string]> {
  for (const [name, value] of Symbol.iterator in input ? input : Object.entries(input)) {
    if (!/^[0-9a-z_.-]+$/i.test(name))
      throw invalidOption("headers", name, "must hold names of letters, digits, _ . and -");
    if (
      /^(?:connection|keep-alive|proxy-connection|transfer-encoding|upgrade|host|http2-settings|content-length)$/i.test(
        name,
      )
    )
      throw invalidOption("headers", name, "must not hold headers of the connection");
    if (!/^[\t\x20-\x7e]*$/.test(value))
      throw invalidOption(`headers[${JSON.stringify(name)}]`, value, "must be printable ASCII");
    yield [name.toLowerCase(), value];
  }
}

/** Node's headers as web `Headers`, without HTTP/2's pseudo-headers. */
export function toWebHeaders(headers: IncomingHttpHeaders | undefined): Headers {
  const web = new Headers();
  for (const [name, value] of Object.entries(headers ?? {})) {
    if (name.startsWith(":") || value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) web.append(name, one);
  }
  return web;
}
