import { createServer as createNetServer, type Server } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { invalidOption, messageOf } from "../../core/index.js";
import { alpnProtocols } from "../../http2/index.js";
import type { ServerTlsOptions } from "../streaming/options.js";

/** The time limit of a TLS handshake, in milliseconds. */
const handshakeMs = 10_000;

/** Creates the listening server. Throws `invalid_option` for an unusable certificate. */
export function createListener(tls: ServerTlsOptions | undefined): Server {
  // A client may end its side first and still receives the response.
  if (!tls) return createNetServer({ allowHalfOpen: true });
  try {
    return createTlsServer({
      ...tls,
      allowHalfOpen: true,
      ALPNProtocols: [...alpnProtocols],
      handshakeTimeout: handshakeMs,
    });
  } catch (error) {
    const text = messageOf(error);
    throw invalidOption("tls", "(not shown)", `cannot be used: ${text}`);
  }
}
