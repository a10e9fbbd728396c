import { CriError, isCriError } from "../core/index.js";
import type { StreamingOptions } from "./options.js";

/**
 * Where a streaming URL leads: a host-less, scheme-less or relative one is completed, then `rewriteUrl` has the last
 * word. Throws `invalid_option` for what is no http URL, and where `rewriteUrl` throws.
 */
export function resolveUrl(
  text: string,
  { baseUrl = "http://127.0.0.1", rewriteUrl }: Pick<StreamingOptions, "baseUrl" | "rewriteUrl">,
): URL {
  const url = parse(text, baseUrl);
  const rewritten = rewriteUrl ? rewrite(text, () => rewriteUrl(new URL(url))) : url;
  const final = typeof rewritten === "string" ? parse(rewritten, baseUrl) : rewritten;
  if (final.protocol === "http:" || final.protocol === "https:") return final;
  throw notAUrl(text, `must be an http or https URL, got ${final.protocol}`);
}

function rewrite(text: string, work: () => URL | string): URL | string {
  try {
    return work();
  } catch (cause) {
    if (isCriError(cause)) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw notAUrl(text, `could not be rewritten: ${why}`, cause);
  }
}

function parse(text: string, baseUrl: string | URL): URL {
  if (text === "") throw notAUrl(text, "is empty");
  try {
    return new URL(text, baseUrl);
  } catch (cause) {
    throw notAUrl(text, "is no URL", cause);
  }
}

function notAUrl(text: string, message: string, cause?: unknown): CriError {
  return new CriError({
    code: "invalid_argument",
    reason: "invalid_option",
    text: `the streaming URL ${message}`,
    problems: [{ path: "url", message, value: text }],
    cause,
  });
}

/**
 * The hosts to try, in order. A runtime that listens on all addresses gives a URL with a wildcard host, which nobody
 * can connect to by name; it listens on this machine's own address as well.
 */
export function hostsOf({ hostname }: URL): readonly string[] {
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  return host === "::" || host === "0.0.0.0" ? ["127.0.0.1", "::1"] : [host];
}

/** The port to connect to. */
export function portOf({ port, protocol }: URL): number {
  return port === "" ? (protocol === "https:" ? 443 : 80) : Number(port);
}

/** What errors call the endpoint: the URL without its token, which opens a session to whoever has it. */
export function describeUrl({ protocol, host, pathname }: URL): string {
  const parts = pathname.split("/");
  return `${protocol}//${host}${parts.slice(0, -1).join("/")}/…`;
}
