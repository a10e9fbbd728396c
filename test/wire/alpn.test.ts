// Peers that do not agree on HTTP/2 in the TLS handshake are refused, on both ends.
import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { createServer, connect as tlsConnect } from "node:tls";
import { serve } from "../../src/server/index.js";
import { connectFailure, quick, transportTo, version } from "../support/calls.js";
import { selfSigned } from "../support/certificate.js";
import { cleanup } from "../support/cleanup.js";
import { freePort } from "../support/free-port.js";
import { checkLeaks } from "../support/leaks.js";
import { within } from "../support/waiting.js";

const services = {
  runtime: {
    version: () => ({ version: "0.1.0", runtimeName: "test", runtimeVersion: "1", runtimeApiVersion: "v1" }),
  },
};

/** Starts our server over TLS; returns its port. */
async function secureServer(t: TestContext, tls: { readonly cert: Buffer; readonly key: Buffer }) {
  const port = await freePort();
  const server = await serve(`https://127.0.0.1:${port}`, services, { tls });
  cleanup(t, () => within(5_000, server.close(), "close()"));
  return { port, server };
}

for (const [what, protocols] of [
  ["without ALPN", undefined],
  ["that offers only HTTP/1.1", ["http/1.1"]],
] as const) {
  test(`our client refuses a server ${what}`, async (t) => {
    checkLeaks(t);
    const pair = await selfSigned(t);
    let received = 0;
    const server = createServer({ ...pair, ...(protocols && { ALPNProtocols: [...protocols] }) });
    server.on("tlsClientError", () => undefined);
    server.on("secureConnection", (socket) => {
      socket.on("error", () => undefined);
      socket.on("data", (chunk: Buffer) => {
        received += chunk.length;
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    cleanup(t, () => server.close());
    const { port } = server.address() as AddressInfo;
    const transport = transportTo(t, `https://127.0.0.1:${port}`, { ...quick, tls: { ca: pair.cert } });
    const error = await connectFailure(version(transport));
    assert.deepEqual([error.code, error.reason], ["unavailable", "not_grpc"]);
    // At most the preface and SETTINGS: no request.
    assert.ok(received < 100 * quick.connectAttempts, `${received} bytes`);
  });

  test(`our server refuses a client ${what}`, async (t) => {
    checkLeaks(t);
    const pair = await selfSigned(t);
    const { port, server } = await secureServer(t, pair);
    const options = { host: "127.0.0.1", port, ca: pair.cert };
    const socket = tlsConnect({ ...options, ...(protocols && { ALPNProtocols: [...protocols] }) });
    let received = 0;
    socket.on("error", () => undefined);
    socket.on("data", (chunk: Buffer) => {
      received += chunk.length;
    });
    const closed = new Promise((resolve) => socket.once("close", resolve));
    await within(5_000, closed, "the end of the connection");
    assert.equal(received, 0);
    const transport = transportTo(t, `https://127.0.0.1:${port}`, { tls: { ca: pair.cert } });
    assert.equal((await version(transport)).message.runtimeName, "test");
    assert.equal(server.connections, 1);
  });
}
