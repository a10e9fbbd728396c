import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { connect as tlsConnect } from "node:tls";
import { createStreamingServer } from "../../src/server/index.js";
import { exec, portForward } from "../../src/streaming/index.js";
import { selfSigned } from "../support/certificate.js";
import { cleanup } from "../support/cleanup.js";
import { failure } from "../support/failure.js";
import { bareSocket } from "../support/raw-streaming.js";
import { digestOf, drained, serve, transports, writeBytes } from "../support/streaming-server.js";
import { within } from "../support/waiting.js";

const all = { stdin: true, stdout: true, stderr: false };
const cat = {
  async exec({ stdin, stdout }: import("../../src/server/index.js").ExecContext) {
    for await (const part of stdin ?? []) if (!stdout?.write(part) && stdout) await drained(stdout);
    return 2;
  },
};

for (const transport of transports)
  test(`${transport} over https: 16 MiB in each direction`, async (t) => {
    const pair = await selfSigned(t);
    const { server } = await serve(t, cat, { tls: pair });
    assert.match(server.baseUrl, /^https:\/\/127\.0\.0\.1:/);
    const { url } = server.exec({ containerId: "c", ...all });
    const session = await exec(url, { transport, ...all, tls: { ca: pair.cert } });
    assert.ok(session.stdin && session.stdout);
    const [sent, out] = await Promise.all([
      writeBytes(session.stdin, 2 ** 24).finally(() => session.stdin?.end()),
      digestOf(session.stdout),
    ]);
    assert.deepEqual(out, { bytes: 2 ** 24, sha256: sent });
    assert.equal((await within(5_000, session.ended)).exitCode, 2);
  });

test("a client that does not trust the certificate fails and does not use up the URL", async (t) => {
  const pair = await selfSigned(t);
  const { server } = await serve(t, cat, { tls: pair });
  const { url } = server.exec({ containerId: "c", stdout: true });
  assert.equal((await failure(exec(url, { stderr: false }))).code, "unavailable");
  const session = await exec(url, { stderr: false, tls: { ca: pair.cert } });
  assert.equal((await within(5_000, session.ended)).exitCode, 2);
});

test("a server that requires client certificates refuses a client without one", async (t) => {
  const pair = await selfSigned(t);
  const tls = { ...pair, ca: pair.cert, requestCert: true, rejectUnauthorized: true };
  const { server } = await serve(t, cat, { tls });
  const ask = () => server.exec({ containerId: "c", stdout: true }).url;
  await failure(exec(ask(), { stderr: false, tls: { ca: pair.cert } }));
  const session = await exec(ask(), { stderr: false, tls: { ca: pair.cert, ...pair } });
  assert.equal((await within(5_000, session.ended)).exitCode, 2);
});

test("an invalid certificate is an invalid option", async () => {
  const error = await failure(createStreamingServer({}, { tls: { cert: "no", key: "no" } }));
  assert.equal(error.reason, "invalid_option");
});

test("HTTP/2 is not offered", async (t) => {
  const pair = await selfSigned(t);
  const { server } = await serve(t, cat, { tls: pair });
  const { port } = new URL(server.baseUrl);
  const socket = tlsConnect({
    host: "127.0.0.1",
    port: Number(port),
    ca: pair.cert,
    ALPNProtocols: ["h2", "http/1.1"],
  });
  cleanup(t, () => socket.destroy());
  await within(5_000, once(socket, "secureConnect"));
  assert.equal(socket.alpnProtocol, "http/1.1");
});

test("close() does not wait for a client that is stuck in its handshake", async (t) => {
  const { server } = await serve(t, cat, { tls: await selfSigned(t) });
  await bareSocket(t, server.baseUrl);
  await within(2_000, server.close(), "close()");
});

test("port-forward over https", async (t) => {
  const pair = await selfSigned(t);
  const { server } = await serve(
    t,
    {
      async portForward({ connection }) {
        await within(5_000, once(connection.resume(), "end"));
        connection.write("bye");
      },
    },
    { tls: pair },
  );
  const forward = portForward((port) => server.portForward({ podSandboxId: "p", port: [port] }).url, {
    tls: { ca: pair.cert },
    halfClose: true,
  });
  cleanup(t, () => forward.close());
  const connection = await forward.connect(80);
  connection.end("hello");
  assert.equal((await digestOf(connection)).bytes, 3);
});

test("handleConnection() expects a decrypted connection", async (t) => {
  const { server, reach } = await serve(t, cat, { tls: await selfSigned(t), way: "memory" });
  assert.equal(server.baseUrl, "https://127.0.0.1");
  const session = await exec(server.exec({ containerId: "c", stdout: true }).url, {
    stderr: false,
    ...reach,
  });
  assert.equal((await within(5_000, session.ended)).exitCode, 2);
});
