// HTTP/2 over TLS with ALPN: our two ends, and each of them with node:http2.
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectHttp2, createSecureServer, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { createServer, type TLSSocket, connect as tlsConnect } from "node:tls";
import {
  alpnProblem,
  alpnProtocols,
  ClientConnection,
  ServerConnection,
  type Stream,
} from "../../src/http2/index.js";
import { selfSigned } from "../support/certificate.js";
import { cleanup } from "../support/cleanup.js";
import { checkLeaks } from "../support/leaks.js";
import { until, within } from "../support/waiting.js";
import { okTrailers, Recorder, requestFields, requestHeaders, responseHeaders } from "./peer.js";

/** More than every window. */
const bytes = 20 * 2 ** 20;

/** Starts a server of ours that returns the body of each request, behind its end. */
async function echoServer(t: TestContext, tls: object): Promise<number> {
  const server = createServer({ ...tls, ALPNProtocols: [...alpnProtocols] }).listen(0, "127.0.0.1");
  server.on("secureConnection", (socket: TLSSocket) => {
    assert.equal(alpnProblem(socket), undefined);
    const connection = new ServerConnection(socket, {
      onReady: () => undefined,
      onStream: (stream) => new Echo(stream),
      onEnd: () => undefined,
      onClose: () => undefined,
    });
    cleanup(t, () => connection.destroy());
  });
  await once(server, "listening");
  cleanup(t, () => server.close());
  return (server.address() as AddressInfo).port;
}

class Echo extends Recorder {
  readonly #stream: Stream;

  constructor(stream: Stream) {
    super();
    this.#stream = stream;
  }

  override onEnd(): void {
    super.onEnd();
    this.#stream.respondWhole(responseHeaders, Buffer.concat(this.parts), okTrailers);
  }
}

/** Connects a client of ours. */
async function client(t: TestContext, port: number, ca: Buffer): Promise<ClientConnection> {
  const socket = tlsConnect({ host: "127.0.0.1", port, ca, ALPNProtocols: [...alpnProtocols] });
  let isReady = false;
  const connection = new ClientConnection(socket, {
    onReady: () => {
      isReady = true;
    },
    onGoaway: () => undefined,
    onEnd: () => undefined,
    onClose: () => undefined,
  });
  cleanup(t, () => connection.destroy());
  await until(() => isReady, "the server's SETTINGS have arrived");
  assert.equal(alpnProblem(socket), undefined);
  return connection;
}

async function checkEcho(connection: ClientConnection): Promise<void> {
  const body = Buffer.alloc(bytes, "0123456789abcdef");
  const large = new Recorder();
  connection.request(requestHeaders, undefined, body, large);
  const small = Array.from({ length: 200 }, (_, n) => {
    const received = new Recorder();
    connection.request(requestHeaders, undefined, Buffer.from(`body ${n}`), received);
    return received;
  });
  await until(() => [large, ...small].every(({ end }) => end), "all responses", 60_000);
  assert.ok(Buffer.concat(large.parts).equals(body));
  for (const [n, { parts, headers, trailers, end }] of small.entries()) {
    assert.equal(Buffer.concat(parts).toString(), `body ${n}`);
    assert.deepEqual([headers?.[":status"], trailers?.["grpc-status"], end?.cause], ["200", "0", "complete"]);
  }
}

test("our client with our server", { timeout: 90_000 }, async (t) => {
  checkLeaks(t);
  const pair = await selfSigned(t);
  await checkEcho(await client(t, await echoServer(t, pair), pair.cert));
});

test("our client with node:http2", { timeout: 90_000 }, async (t) => {
  checkLeaks(t);
  const pair = await selfSigned(t);
  const server = createSecureServer({ ...pair, maxSessionMemory: 1_000 }).listen(0, "127.0.0.1");
  server.on("stream", async (stream: ServerHttp2Stream) => {
    const body = await buffer(stream);
    stream.respond({ ":status": 200 }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.end(body);
  });
  await once(server, "listening");
  cleanup(t, () => server.close());
  await checkEcho(await client(t, (server.address() as AddressInfo).port, pair.cert));
});

test("node:http2 with our server", { timeout: 90_000 }, async (t) => {
  checkLeaks(t);
  const pair = await selfSigned(t);
  const options = { ca: pair.cert, maxSessionMemory: 1_000 };
  const session = connectHttp2(`https://127.0.0.1:${await echoServer(t, pair)}`, options);
  cleanup(t, () => session.destroy());
  await within(10_000, once(session, "connect"), "the session");
  assert.equal(session.alpnProtocol, "h2");
  const ask = async (body: Buffer) => {
    const stream = session.request(requestFields);
    const trailers = once(stream, "trailers") as Promise<[Record<string, string>]>;
    stream.end(body);
    const received = await buffer(stream);
    return { received, status: (await trailers)[0]["grpc-status"] };
  };
  const body = Buffer.alloc(bytes, "0123456789abcdef");
  const small = Array.from({ length: 200 }, (_, n) => ask(Buffer.from(`body ${n}`)));
  const { received, status } = await within(60_000, ask(body), "the large response");
  assert.ok(received.equals(body));
  assert.equal(status, "0");
  for (const [n, answer] of (await within(60_000, Promise.all(small), "the small ones")).entries())
    assert.deepEqual(answer, { received: Buffer.from(`body ${n}`), status: "0" });
});
