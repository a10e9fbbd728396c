import type { TLSSocket } from "node:tls";
import { errorCode, Http2Error } from "./errors.js";

/** The protocols that both ends offer in a TLS handshake: HTTP/2 and nothing else. */
export const alpnProtocols: readonly ["h2"] = ["h2"];

/**
 * Returns why a TLS connection cannot be used after its handshake: the peer has not agreed on HTTP/2 by ALPN, as RFC 9113, section 3.3,
 * requires. Returns undefined if it has.
 */
export function alpnProblem({ alpnProtocol }: TLSSocket): Http2Error | undefined {
  if (alpnProtocol === "h2") return undefined;
  const text = "the peer did not agree on HTTP/2 in the TLS handshake (ALPN)";
  return new Http2Error(errorCode.http11Required, text);
}
