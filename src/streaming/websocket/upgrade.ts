import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import type { CancellationScope } from "../../core/index.js";
import { streamLost } from "../errors.js";
import { readRefusal } from "../refusal.js";
import { describeUrl } from "../url.js";

/** The largest accepted message in bytes. Runtimes send 32 KiB. */
const messageLimitBytes = 16 * 2 ** 20;

/**
 * Opens a WebSocket on a new connection, with subprotocols in the order of preference. Returns it paused: add the listeners, then
 * resume it. Destroys the socket unless the server agrees.
 */
export async function upgradeToWebSocket(
  socket: Duplex,
  url: URL,
  protocols: readonly string[],
  headers: Readonly<Record<string, string>>,
  scope: CancellationScope,
): Promise<WebSocket> {
  // Loaded on first use: few programs need WebSocket.
  const { WebSocket } = await import("ws");
  if (scope.stopped) {
    socket.destroy();
    throw scope.stopped;
  }
  const webSocket = new WebSocket(`ws://${url.host}${url.pathname}${url.search}`, [...protocols], {
    createConnection: () => socket,
    headers: { host: url.host, ...headers },
    perMessageDeflate: false,
    maxPayload: messageLimitBytes,
    followRedirects: false,
  });
  const opened = new Promise<WebSocket>((resolve, reject) => {
    webSocket.once("open", () => {
      // Messages that arrived with the upgrade must not be emitted before the caller has added its listeners.
      webSocket.pause();
      resolve(webSocket);
    });
    webSocket.once(
      "unexpected-response",
      (_request, response: IncomingMessage) => void readRefusal(url, response).then(reject),
    );
    // Remains for the life of the socket: an error without a listener would end the process.
    webSocket.on("error", (cause) =>
      reject(
        streamLost(`the WebSocket could not be opened: ${cause.message}`, {
          cause,
          endpoint: describeUrl(url),
        }),
      ),
    );
  });
  return scope.race(opened).catch((error: unknown) => {
    webSocket.terminate();
    socket.destroy();
    throw error;
  });
}
