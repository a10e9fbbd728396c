import { request } from "node:http";
import type { Duplex } from "node:stream";
import type { CancellationScope } from "../../core/index.js";
import { streamLost } from "../errors.js";
import { readRefusal, upgradeRefused } from "../refusal.js";
import { describeUrl } from "../url.js";

/** A connection on which the server agreed to speak SPDY. */
export interface Upgraded {
  readonly socket: Duplex;
  /** The bytes that arrived after the response's headers. */
  readonly head: Buffer;
  /** The stream protocol that the server chose. */
  readonly protocol: string;
}

/**
 * Requests SPDY/3.1 with an HTTP/1.1 upgrade on a new connection, with stream protocols in the order of preference. Destroys the
 * socket unless the server agrees.
 */
export function upgradeToSpdy(
  socket: Duplex,
  url: URL,
  protocols: readonly string[],
  headers: Readonly<Record<string, string>>,
  scope: CancellationScope,
): Promise<Upgraded> {
  const upgrade = new Promise<Upgraded>((resolve, reject) => {
    const call = request({
      method: "POST",
      path: `${url.pathname}${url.search}`,
      createConnection: () => socket,
      headers: {
        host: url.host,
        ...headers,
        connection: "Upgrade",
        upgrade: "SPDY/3.1",
        "x-stream-protocol-version": [...protocols],
        "content-length": "0",
      },
    });
    call.once("upgrade", (response, upgraded, head) => {
      const protocol = response.headers["x-stream-protocol-version"];
      // A server that names no protocol means the unversioned one, in which a command never sees the end of its input.
      if (typeof protocol === "string" && protocols.includes(protocol))
        resolve({ socket: upgraded, head, protocol });
      else
        reject(
          upgradeRefused(url, `it chose an unsupported stream protocol: ${JSON.stringify(protocol ?? "")}`),
        );
    });
    call.once("response", (response) => void readRefusal(url, response).then(reject));
    call.on("error", (cause) =>
      reject(
        streamLost("the streaming server hung up before it responded", { cause, endpoint: describeUrl(url) }),
      ),
    );
    call.end();
  });
  return scope.race(upgrade).catch((error: unknown) => {
    // The server keeps a refused connection open.
    socket.destroy();
    throw error;
  });
}
