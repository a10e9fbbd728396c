import { type IncomingMessage, type RequestOptions, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { isIP } from "node:net";
import { joinHostPort } from "./address.js";
import { connectionErrorText } from "./connection-errors.js";
import { type HttpRequest, urlOf } from "./http-request.js";
import { outputLimitBytes } from "./outcome.js";

/** As in Go's HTTP client. */
const maxRedirects = 10;
const redirects = new Set([301, 302, 303, 307, 308]);

/** A response without its headers. */
export interface HttpResponse {
  readonly status: number;
  /** The first 10 KiB of the body. */
  readonly body: string;
}

/** The failure of a request before the response's headers arrived: a failure of the server. Its text is that of the kubelet's events. */
export class HttpFailure extends Error {
  override readonly name = "HttpFailure";
}

/**
 * Sends a request as the kubelet does: on a new connection, without a proxy, without checking TLS certificates. Redirects to the same
 * host are followed; a redirect to another host is the response.
 *
 * Rejects with {@link HttpFailure} when there is no response: the connection fails, the signal fires, or there are more than 10
 * redirects. Rejects with other errors when the body cannot be read.
 */
export async function sendHttp(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
  let current = request;
  for (let count = 0; ; count++) {
    const response = await exchange(current, signal);
    const { statusCode: status = 0, headers } = response;
    const next =
      redirects.has(status) && headers.location ? redirected(current, headers.location) : undefined;
    if (next === undefined || next.host.toLowerCase() !== request.host.toLowerCase())
      return { status, body: await readBody(response) };
    response.destroy();
    if (count >= maxRedirects - 1)
      throw new HttpFailure(`Get "${urlOf(next)}": stopped after ${maxRedirects} redirects`);
    current = next;
  }
}

/** Resolves with the response when its headers have arrived. */
function exchange(request: HttpRequest, signal: AbortSignal): Promise<IncomingMessage> {
  const { scheme, host, port, path, headers } = request;
  const options: RequestOptions & { readonly servername?: string } = {
    host,
    port,
    path,
    headers: headersOf(headers),
    // A connection of its own, which is closed after the response.
    agent: false,
    signal,
  };
  // With a header `Host`, Node would send its value as the name of the TLS server.
  const servername = isIP(host) ? "" : host;
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown) => reject(failureOf(request, cause, signal));
    try {
      const sent =
        scheme === "https"
          ? requestHttps({ ...options, servername, rejectUnauthorized: false }, resolve)
          : requestHttp(options, resolve);
      sent.on("error", fail);
      sent.end();
    } catch (cause) {
      // An invalid name or value of a header.
      fail(cause);
    }
  });
}

function headersOf(headers: HttpRequest["headers"]): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, values]) => [
      name,
      values.length === 1 ? (values[0] ?? "") : [...values],
    ]),
  );
}

function failureOf(request: HttpRequest, cause: unknown, signal: AbortSignal): HttpFailure {
  const address = joinHostPort(request.host, request.port);
  const why = signal.aborted
    ? "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
    : connectionErrorText(cause, address);
  return new HttpFailure(`Get "${urlOf(request)}": ${why}`, { cause });
}

/** Returns the request that a redirect leads to; undefined when its URL is not valid. */
function redirected(request: HttpRequest, location: string): HttpRequest | undefined {
  let url: URL;
  try {
    url = new URL(location, urlOf(request));
  } catch {
    throw new HttpFailure(
      `Get "${urlOf(request)}": failed to parse Location header ${JSON.stringify(location)}`,
    );
  }
  const scheme = url.protocol.slice(0, -1);
  if (scheme !== "http" && scheme !== "https")
    throw new HttpFailure(`Get "${location}": unsupported protocol scheme "${scheme}"`);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const port = Number(url.port) || (scheme === "https" ? 443 : 80);
  // A header `Host` of the probe remains for relative redirects only.
  const isRelative = !/^(?:[A-Za-z][A-Za-z0-9+.-]*:)?\/\//.test(location);
  const headers = isRelative ? request.headers : { ...request.headers, Host: [url.host] };
  return { scheme, host, port, path: `${url.pathname}${url.search}`, headers };
}

/** Reads at most 10 KiB, and closes the connection. */
async function readBody(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  // Leaving the loop closes the connection.
  for await (const chunk of response) {
    if (!Buffer.isBuffer(chunk)) continue;
    chunks.push(chunk);
    size += chunk.length;
    if (size >= outputLimitBytes) break;
  }
  return Buffer.concat(chunks).subarray(0, outputLimitBytes).toString("utf8");
}
