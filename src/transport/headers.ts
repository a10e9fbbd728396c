import type { DescMethod } from "@bufbuild/protobuf";
import { type HeadersInput, invalidOption } from "../core/index.js";
import { type HeaderFields, type HeaderMap, RepeatedHeaders } from "../http2/index.js";
import type { RpcHeadersInit } from "./contract.js";
import type { Endpoint } from "./endpoint.js";

/** Headers that the transport sets itself: those of the caller do not replace them. */
const reserved = new Set(["content-type", "te", "grpc-timeout", "grpc-encoding", "grpc-accept-encoding"]);

/** The headers of one call. */
export interface CallHeaders {
  /** Those that all calls of its method have. */
  readonly repeated: RepeatedHeaders;
  readonly own: HeaderFields;
}

/** Builds the headers of each call to one endpoint. */
export type HeaderBuilder = (
  method: DescMethod,
  timeoutMs: number | undefined,
  extra: RpcHeadersInit | undefined,
) => CallHeaders;

/**
 * Creates the builder of headers for an endpoint. The content type is exactly `application/grpc`: CRI-O distinguishes gRPC from HTTP/1
 * by this value on its single socket, and closes connections with `application/grpc+proto`. The authority of a socket file is
 * `localhost`, as in every Kubernetes client.
 */
export function headerBuilder(endpoint: Endpoint, userAgent: string): HeaderBuilder {
  const overTcp = endpoint.kind === "tcp";
  const scheme = overTcp && endpoint.tls ? "https" : "http";
  const authority = overTcp ? new URL(endpoint.url.replace(/^tcp:/, "http:")).host : "localhost";
  const build = (method: DescMethod, agent: string) =>
    new RepeatedHeaders({
      ":method": "POST",
      ":scheme": scheme,
      ":authority": authority,
      ":path": `/${method.parent.typeName}/${method.name}`,
      "content-type": "application/grpc",
      te: "trailers",
      "user-agent": agent,
      "grpc-accept-encoding": "identity,gzip",
    });
  // Most calls of a method come from the same client as the previous one; a proxy passes on the names of its clients.
  const latest = new Map<DescMethod, { readonly agent: string; readonly repeated: RepeatedHeaders }>();
  /** The previous call's headers by method, where a call with the same timeout and no more headers has them, too. */
  const plain = new Map<DescMethod, CallHeaders & { readonly timeoutMs: number | undefined }>();
  return (method, timeoutMs, extra) => {
    if (extra === undefined) {
      const same = plain.get(method);
      if (same !== undefined && same.timeoutMs === timeoutMs) return same;
    }
    const own: Record<string, string> = {};
    if (timeoutMs !== undefined) own["grpc-timeout"] = grpcTimeout(timeoutMs);
    if (extra !== undefined)
      for (const [name, value] of headerPairs(extra)) if (!reserved.has(name)) own[name] = value;
    const { "user-agent": agent = userAgent } = own;
    delete own["user-agent"];
    let known = latest.get(method);
    if (known?.agent !== agent || known === undefined) {
      known = { agent, repeated: build(method, agent) };
      latest.set(method, known);
    }
    const headers = { repeated: known.repeated, own, timeoutMs };
    if (extra === undefined) plain.set(method, headers);
    return headers;
  };
}

/** Formats gRPC's timeout: at most eight digits and a unit; milliseconds if they fit, otherwise seconds, rounded up. */
export function grpcTimeout(ms: number): string {
  return ms < 1e8 ? `${ms}m` : `${Math.ceil(ms / 1000)}S`;
}

/** Yields header names in lower case with their values. Throws `invalid_option` for headers that HTTP/2 or gRPC does not allow. */
export function* headerPairs(input: HeadersInput | RpcHeadersInit): Generator<[string, string]> {
  for (const [name, value] of Symbol.iterator in input ? input : Object.entries(input)) {
    if (!/^[0-9a-z_.-]+$/i.test(name))
      throw invalidOption("headers", name, "must contain only names of letters, digits, _ . and -");
    if (
      /^(?:connection|keep-alive|proxy-connection|transfer-encoding|upgrade|host|http2-settings|content-length)$/i.test(
        name,
      )
    )
      throw invalidOption("headers", name, "must not contain connection headers");
    if (!/^[\t\x20-\x7e]*$/.test(value))
      throw invalidOption(`headers[${JSON.stringify(name)}]`, value, "must be printable ASCII");
    yield [name.toLowerCase(), value];
  }
}

/** Converts received headers to web `Headers`, without HTTP/2's pseudo-headers. */
export function toWebHeaders(headers: HeaderMap | undefined): Headers {
  const web = new Headers();
  for (const [name, value] of Object.entries(headers ?? {}))
    if (!name.startsWith(":") && value !== undefined) web.append(name, value);
  return web;
}
