import type { Container, HTTPGetAction } from "../api/index.js";
import { hostOf, joinHostPort, portNumber } from "./address.js";

/** The version of the kubelet in `User-Agent` headers. */
const kubeletVersion = "1.37";

/** A GET request of a probe or hook. */
export interface HttpRequest {
  readonly scheme: "http" | "https";
  readonly host: string;
  readonly port: number;
  /** The path and the query, as they are sent. */
  readonly path: string;
  /** Headers by their names; `Host` is one of them. */
  readonly headers: Readonly<Record<string, readonly string[]>>;
}

/** Headers that the HTTP client sets itself. Go's client, and so the kubelet, ignores them in the list of headers. */
const ownHeaders = new Set(["host", "content-length", "transfer-encoding", "trailer", "connection"]);

/**
 * Returns the request of an `httpGet`, with the kubelet's defaults: `User-Agent: kube-probe/1.37` or `kube-lifecycle/1.37`, `Accept: *\/*`
 * (an empty value removes the header), and the host and port as `Host` unless a header `Host` replaces them.
 *
 * Throws `invalid_spec` for an unknown port, `wrong_state` without an address.
 */
export function httpRequest(
  action: HTTPGetAction,
  container: Container,
  podIPs: readonly string[],
  purpose: "probe" | "lifecycle",
): HttpRequest {
  const host = hostOf(action.host, podIPs);
  const port = portNumber(action.port, container, "httpGet.port");
  const given = new Map<string, { readonly name: string; readonly values: string[] }>();
  for (const { name, value } of action.httpHeaders ?? []) {
    const header = given.get(name.toLowerCase()) ?? { name, values: [] };
    given.set(name.toLowerCase(), header);
    header.values.push(toWire(value));
  }
  const headers: Record<string, readonly string[]> = {
    Host: [given.get("host")?.values.find((value) => value !== "") ?? joinHostPort(host, port)],
  };
  if (!given.has("user-agent")) headers["User-Agent"] = [`kube-${purpose}/${kubeletVersion}`];
  if (!given.has("accept")) headers.Accept = ["*/*"];
  for (const [key, { name, values }] of given) {
    const isRemoved = (key === "accept" || key === "user-agent") && values[0] === "";
    if (!ownHeaders.has(key) && !isRemoved) headers[name] = values;
  }
  const scheme = action.scheme?.toLowerCase() === "https" ? "https" : "http";
  return { scheme, host, port, path: requestPath(action.path ?? "/"), headers };
}

/** Returns the URL of a request, for messages. */
export function urlOf({ scheme, host, port, path }: HttpRequest): string {
  return `${scheme}://${joinHostPort(host, port)}${path}`;
}

/** Node writes headers as Latin-1, and their values are UTF-8. */
function toWire(value: string): string {
  return Buffer.from(value, "utf8").toString("latin1");
}

/**
 * Returns the path and query of a request: without a fragment and without an authority, and with characters escaped that a request line
 * cannot contain. A path that is not a valid URL, such as `/100%`, is escaped as a whole.
 */
function requestPath(text: string): string {
  const withoutAuthority = text.replace(/^(?:[A-Za-z][A-Za-z0-9+.-]*:)?\/\/[^/?#]*/, "");
  const [, path = "", query = ""] = /^([^?#]*)(\?[^#]*)?/.exec(withoutAuthority) ?? [];
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these make a URL invalid.
  const isValid = !/%(?![0-9A-Fa-f]{2})/.test(path) && !/[\x00-\x1f\x7f]/.test(text);
  const sent = isValid
    ? escapeBytes(path, /[^A-Za-z0-9\-._~!$&'()*+,;=:@/[\]%]/g) + escapeBytes(query, /[^\x21-\x7e]/g)
    : escapeBytes(text, /[^A-Za-z0-9\-._~$&+,/:;=@]/g);
  return sent.startsWith("/") ? sent : `/${sent}`;
}

/** Percent-encodes the UTF-8 bytes of the characters that a pattern matches. */
function escapeBytes(text: string, pattern: RegExp): string {
  return text.replace(new RegExp(pattern, "gu"), (character) =>
    [...Buffer.from(character)]
      .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`)
      .join(""),
  );
}
