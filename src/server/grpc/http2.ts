import { createSecureServer, createServer, type Http2Server, type ServerOptions } from "node:http2";
import { invalidOption } from "../../core/index.js";
import type { ResolvedServeOptions } from "../serve-options.js";

/** A client that does not get through its TLS handshake is dropped after this many milliseconds. */
const handshakeMs = 10_000;
/** The window of a call: a request as large as most limits allow arrives without waiting for us. */
const streamWindowBytes = 2 ** 24;

/** Windows and limits that let large requests and many calls pass side by side. */
const settings: ServerOptions = {
  settings: { initialWindowSize: streamWindowBytes, enablePush: false },
  // What a call holds is limited by its message's size; Node's 10 MB for all of a connection's calls would stall it.
  maxSessionMemory: 2 ** 20,
};

/** The HTTP/2 server below gRPC. Throws `invalid_option` for a certificate that cannot be used. */
export function createHttp2Server({ tls }: ResolvedServeOptions): Http2Server {
  if (!tls) return createServer(settings);
  try {
    return createSecureServer({ ...settings, ...tls, handshakeTimeout: handshakeMs });
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw invalidOption("tls", "(not shown)", `cannot be used: ${text}`);
  }
}
