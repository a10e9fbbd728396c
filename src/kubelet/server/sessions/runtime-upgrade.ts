import { request as httpRequest, type IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type CancellationScope, criError } from "../../../core/index.js";
import { describeUrl } from "../../../streaming/index.js";

/** A WebSocket that the runtime has accepted, as bytes. */
export interface AcceptedWebSocket {
  readonly socket: Duplex;
  readonly head: Buffer;
  /** The headers of the answer that the client needs. */
  readonly headers: Readonly<Record<string, string>>;
}

const passedOn = ["sec-websocket-accept", "sec-websocket-protocol"] as const;

/**
 * Asks the runtime to open a client's WebSocket with one subprotocol. Returns undefined when the runtime refuses it, and then destroys the
 * socket.
 */
export function passWebSocket(
  socket: Duplex,
  url: URL,
  client: IncomingMessage,
  protocol: string | undefined,
  scope: CancellationScope,
): Promise<AcceptedWebSocket | undefined> {
  const answered = new Promise<AcceptedWebSocket | undefined>((resolve, reject) => {
    const call = httpRequest({
      method: "GET",
      path: `${url.pathname}${url.search}`,
      createConnection: () => socket,
      headers: {
        host: url.host,
        connection: "Upgrade",
        upgrade: "websocket",
        "sec-websocket-version": client.headers["sec-websocket-version"] ?? "",
        "sec-websocket-key": client.headers["sec-websocket-key"] ?? "",
        ...(protocol !== undefined && { "sec-websocket-protocol": protocol }),
      },
    });
    call.once("upgrade", (response, upgraded, head) => {
      const headers = passedOn.flatMap((name) => {
        const value = response.headers[name];
        return typeof value === "string" ? [[name, value] as const] : [];
      });
      resolve({ socket: upgraded, head, headers: Object.fromEntries(headers) });
    });
    call.once("response", (response) => {
      response.destroy();
      resolve(undefined);
    });
    call.once("error", (cause) =>
      reject(
        criError("connection_lost", `the streaming server hung up before it responded: ${cause.message}`, {
          endpoint: describeUrl(url),
          cause,
        }),
      ),
    );
    call.end();
  });
  return scope.race(answered).then(
    (accepted) => {
      if (!accepted) socket.destroy();
      return accepted;
    },
    (error: unknown) => {
      socket.destroy();
      throw error;
    },
  );
}
