import { type CriError, criError, isCriError, messageOf } from "../core/index.js";
import type { StreamingOptions } from "./options.js";

/**
 * Resolves a streaming URL: completes a relative one with `baseUrl`, then applies `rewriteUrl`. Throws `invalid_option` for
 * anything but an http or https URL, and when `rewriteUrl` throws.
 */
export function resolveUrl(
  text: string,
  { baseUrl = "http://127.0.0.1", rewriteUrl }: Pick<StreamingOptions, "baseUrl" | "rewriteUrl">,
): URL {
  const url = parse(text, baseUrl);
  const rewritten = rewriteUrl ? rewrite(text, () => rewriteUrl(new URL(url))) : url;
  const resolved = typeof rewritten === "string" ? parse(rewritten, baseUrl) : rewritten;
  if (resolved.protocol === "http:" || resolved.protocol === "https:") return resolved;
  throw invalidUrl(text, `must be an http or https URL, got ${resolved.protocol}`);
}

function rewrite(text: string, work: () => URL | string): URL | string {
  try {
    return work();
  } catch (cause) {
    if (isCriError(cause)) throw cause;
    const message = messageOf(cause);
    throw invalidUrl(text, `could not be rewritten: ${message}`, cause);
  }
}

function parse(text: string, baseUrl: string | URL): URL {
  if (text === "") throw invalidUrl(text, "is empty");
  try {
    return new URL(text, baseUrl);
  } catch (cause) {
    throw invalidUrl(text, "is not a valid URL", cause);
  }
}

function invalidUrl(text: string, message: string, cause?: unknown): CriError {
  return criError("invalid_option", `the streaming URL ${message}`, {
    problems: [{ path: "url", message, value: text }],
    cause,
  });
}

/**
 * Returns the hosts to try, in order. A runtime that listens on all addresses returns a URL with a wildcard host, which is not
 * an address to connect to; such a runtime also listens on the loopback addresses.
 */
export function hostsOf({ hostname }: URL): readonly string[] {
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  return host === "::" || host === "0.0.0.0" ? ["127.0.0.1", "::1"] : [host];
}

/** Returns the port to connect to. */
export function portOf({ port, protocol }: URL): number {
  return port === "" ? (protocol === "https:" ? 443 : 80) : Number(port);
}

/** Returns the endpoint for errors: the URL without its token, since every holder of the token can open the session. */
export function describeUrl({ protocol, host, pathname }: URL): string {
  const parts = pathname.split("/");
  return `${protocol}//${host}${parts.slice(0, -1).join("/")}/…`;
}
