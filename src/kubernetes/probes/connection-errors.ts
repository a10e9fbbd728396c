import { codeOf, errorsOf, messageOf, rawMessageOf } from "../../core/index.js";

/** The words of Go's network errors, which the events of kubelets contain, by Node's error codes. */
const texts: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  EHOSTUNREACH: "no route to host",
  ENETUNREACH: "network is unreachable",
  EADDRNOTAVAIL: "cannot assign requested address",
  ETIMEDOUT: "connection timed out",
  EACCES: "permission denied",
};

/**
 * Describes why a connection to `address` (`10.0.0.5:80`) failed, in the words of the kubelet's events:
 * `dial tcp 10.0.0.5:80: connect: connection refused`.
 */
export function connectionErrorText(error: unknown, address: string): string {
  // Node reports one error per address of a host name.
  const [first = error] = errorsOf(error) ?? [];
  const code = codeOf(first) ?? codeOf(error) ?? "";
  const text = texts[code];
  if (text !== undefined) return `dial tcp ${address}: connect: ${text}`;
  if (code === "ENOTFOUND" || code === "EAI_AGAIN")
    return `dial tcp: lookup ${address.replace(/:\d+$/, "")}: no such host`;
  if (code === "ECONNRESET" && /hang up/.test(messageOf(error))) return "EOF";
  if (code === "ECONNRESET") return "read: connection reset by peer";
  if (isPlainHttpAnswer(error)) return "http: server gave HTTP response to HTTPS client";
  return rawMessageOf(error);
}

/** Reports whether a TLS handshake failed because the server does not speak TLS, as HTTP servers on the port of an HTTPS hook. */
export function isPlainHttpAnswer(error: unknown): boolean {
  const code = codeOf(error) ?? "";
  if (/^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST)$/.test(code)) return true;
  return code === "EPROTO" && /wrong version number|packet length too long/.test(messageOf(error));
}
