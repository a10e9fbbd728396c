import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocket } from "ws";
import type { Lifeline } from "../../core/index.js";
import { streamLost } from "../errors.js";
import { readExplanation, refusal } from "../upgrade.js";
import { describeUrl } from "../url.js";

/** The largest message that is taken: runtimes send 32 KiB. */
const messageLimitBytes = 16 * 2 ** 20;

/**
 * Opens a WebSocket on a fresh connection, with subprotocols in the order of preference. It is paused: listen, then
 * resume it. The socket is destroyed unless the server agrees.
 */
export function openWebSocket(
  socket: Duplex,
  url: URL,
  protocols: readonly string[],
  headers: Readonly<Record<string, string>>,
  lifeline: Lifeline,
): Promise<WebSocket> {
  const webSocket = new WebSocket(`ws://${url.host}${url.pathname}${url.search}`, [...protocols], {
    createConnection: () => socket,
    headers: { host: url.host, ...headers },
    perMessageDeflate: false,
    maxPayload: messageLimitBytes,
    followRedirects: false,
  });
  const opened = new Promise<WebSocket>((resolve, reject) => {
    webSocket.once("open", () => {
      // A message may have come with the upgrade, and whoever waits here would hear of the opening too late for it.
      webSocket.pause();
      resolve(webSocket);
    });
    webSocket.once("unexpected-response", (_request, answer: IncomingMessage) => {
      readExplanation(answer).then((text) => reject(refusal(url, answer, text)), reject);
    });
    // Stays for the socket's life: without a listener, an error would take the process down.
    webSocket.on("error", (cause) =>
      reject(streamLost(`no WebSocket: ${cause.message}`, { cause, endpoint: describeUrl(url) })),
    );
  });
  return lifeline.race(opened).catch((error: unknown) => {
    webSocket.terminate();
    socket.destroy();
    throw error;
  });
}
