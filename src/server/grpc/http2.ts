import { createServer as createHttp2Server, type Http2Server } from "node:http2";
import { createServer as createNetServer, type Server } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { invalidOption } from "../../core/index.js";
import type { ResolvedServeOptions } from "../serve-options.js";

/** A client that does not get through its TLS handshake is dropped after this many milliseconds. */
const handshakeMs = 10_000;

/** HTTP/2 on connections that are handed to it: it does not listen itself. */
export function createSessions(): Http2Server {
  return createHttp2Server({
    settings: { enablePush: false },
    // What a call holds is limited by its message's size; Node's 10 MB for all of a connection's calls would stall it.
    maxSessionMemory: 2 ** 20,
  });
}

/** What listens. Throws `invalid_option` for a certificate that cannot be used. */
export function createListener({ tls }: ResolvedServeOptions): Server {
  // A client may end its half first, and is still answered.
  if (!tls) return createNetServer({ allowHalfOpen: true });
  try {
    return createTlsServer({
      ...tls,
      allowHalfOpen: true,
      ALPNProtocols: ["h2"],
      handshakeTimeout: handshakeMs,
    });
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw invalidOption("tls", "(not shown)", `cannot be used: ${text}`);
  }
}
