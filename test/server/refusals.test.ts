import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { exec } from "../../src/streaming/index.js";
import { cleanup } from "../support/cleanup.js";
import { failure } from "../support/failure.js";
import { ask, bareSocket, refusalOf, spdyHeaders } from "../support/raw-streaming.js";
import { serve } from "../support/streaming-server.js";
import { within } from "../support/waiting.js";

const handlers = { exec: async () => 0, attach: async () => undefined, portForward: async () => undefined };
const request = { containerId: "c", stdout: true };
const websocket = {
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
};

test("an unknown token, an unknown path, and both methods: 404", async (t) => {
  const { server } = await serve(t, handlers);
  for (const path of ["/exec/nobody", "/", "/exec", "/exec/", "/other/x", "/exec/a/b", "/favicon.ico"])
    for (const method of ["GET", "POST"])
      for (const headers of [spdyHeaders("v4.channel.k8s.io"), {}, websocket]) {
        const response = await refusalOf(ask(t, `${server.baseUrl}${path}`, headers, method));
        assert.deepEqual(
          [response.status, response.body],
          [404, "404 page not found\n"],
          `${method} ${path}`,
        );
        assert.match(response.headers["content-type"] ?? "", /^text\/plain/);
      }
});

test("other methods: 405, and the token stays valid", async (t) => {
  const { server } = await serve(t, handlers);
  const { url } = server.exec(request);
  for (const method of ["PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"])
    for (const headers of [spdyHeaders("v4.channel.k8s.io"), {}]) {
      const response = await refusalOf(ask(t, url, headers, method));
      assert.equal(response.status, 405, method);
      assert.equal(response.headers.allow, "GET, POST");
    }
  assert.ok("socket" in (await ask(t, url, spdyHeaders("v4.channel.k8s.io"))));
});

for (const method of ["GET", "POST"])
  test(`${method}: an invalid session request is refused and uses up the token`, async (t) => {
    const { server } = await serve(t, handlers);
    const cases = [
      ["no upgrade at all", {}, 400],
      ["no version", spdyHeaders(), 400],
      ["an empty version", spdyHeaders(""), 400],
      ["another upgrade", { connection: "Upgrade", upgrade: "h2c" }, 400],
      ["another SPDY", { ...spdyHeaders("v4.channel.k8s.io"), upgrade: "SPDY/2" }, 400],
      ["no upgrade in Connection", { ...spdyHeaders("v4.channel.k8s.io"), connection: "close" }, 400],
    ] as const;
    for (const [name, headers, status] of cases) {
      const { url } = server.exec(request);
      const response = await refusalOf(ask(t, url, headers, method));
      assert.equal(response.status, status, name);
      assert.match(response.body, /^unable to upgrade:/, name);
      assert.equal((await refusalOf(ask(t, url, spdyHeaders("v4.channel.k8s.io")))).status, 404, name);
    }
  });

test("no common version: 403, with a header for each supported version", async (t) => {
  const { server } = await serve(t, handlers);
  const response = await refusalOf(ask(t, server.exec(request).url, spdyHeaders("v6.channel.k8s.io", "x")));
  assert.equal(response.status, 403);
  const accepted = response.rawHeaders.filter(
    (_, at, all) => at % 2 === 1 && /^x-accepted-stream-protocol-versions$/i.test(all[at - 1] ?? ""),
  );
  assert.deepEqual(accepted, [
    "v5.channel.k8s.io",
    "v4.channel.k8s.io",
    "v3.channel.k8s.io",
    "v2.channel.k8s.io",
    "channel.k8s.io",
  ]);
  const forward = server.portForward({ podSandboxId: "p" }).url;
  const wrong = await refusalOf(ask(t, forward, spdyHeaders("v4.channel.k8s.io")));
  assert.deepEqual(
    [wrong.status, wrong.headers["x-accepted-stream-protocol-versions"]],
    [403, "portforward.k8s.io"],
  );
});

test("an invalid WebSocket handshake is refused", async (t) => {
  const { server } = await serve(t, handlers);
  const status = async (headers: object, method = "GET") =>
    (await refusalOf(ask(t, server.exec(request).url, { ...websocket, ...headers }, method))).status;
  assert.equal(await status({}, "POST"), 405);
  assert.equal(await status({ "sec-websocket-version": "7" }), 400);
  assert.equal(await status({ "sec-websocket-key": "short" }), 400);
  assert.equal(await status({ "sec-websocket-protocol": "v3.channel.k8s.io" }), 403);
});

test("GET opens SPDY as POST does, and header names may be in any case", async (t) => {
  const { server } = await serve(t, handlers);
  const headers = {
    CONNECTION: "keep-alive, upgrade",
    UPGRADE: "spdy/3.1",
    "X-STREAM-Protocol-Version": "v4.channel.k8s.io",
  };
  assert.ok("socket" in (await ask(t, server.exec(request).url, headers, "GET")));
});

test("a query and a path prefix are ignored", async (t) => {
  const { server } = await serve(t, handlers);
  const { pathname } = new URL(server.attach(request).url);
  const url = `${server.baseUrl}/some/where${pathname}?x=/exec/y`;
  assert.ok("socket" in (await ask(t, url, spdyHeaders("v4.channel.k8s.io"))));
});

test("our own client understands each refusal", async (t) => {
  const { server } = await serve(t, handlers);
  const spent = await failure(exec(`${server.baseUrl}/exec/spent`));
  assert.equal(spent.reason, "stream_url_spent");
  const forward = server.portForward({ podSandboxId: "p" }).url.replace("portforward", "exec");
  assert.equal((await failure(exec(forward))).code, "not_found");
});

test("bytes that are not HTTP and a silent client affect no other client", async (t) => {
  const { server } = await serve(t, handlers);
  const garbage = await bareSocket(t, server.baseUrl);
  garbage.resume();
  garbage.write("\x16\x03\x01\x00nonsense\r\n\r\n");
  await within(5_000, new Promise((resolve) => garbage.once("close", resolve)), "the hang-up");
  await bareSocket(t, server.baseUrl);
  const session = await exec(server.exec(request).url, { stderr: false });
  await within(5_000, session.ended);
});

test("another HTTP server can pass its requests to handleUpgrade()", async (t) => {
  const { server } = await serve(t, handlers, { listen: false, baseUrl: "http://127.0.0.1/cri" });
  const mine: Server = createServer((call, response) => {
    if (call.url?.startsWith("/cri/")) server.handleRequest(call, response);
    else response.end("mine");
  });
  mine.on("upgrade", (call, socket, head) => server.handleUpgrade(call, socket, head));
  await new Promise<void>((resolve) => mine.listen(0, "127.0.0.1", resolve));
  cleanup(t, () => new Promise((resolve) => mine.close(resolve)));
  const { port } = mine.address() as AddressInfo;
  const there = (url: string) => url.replace("127.0.0.1", `127.0.0.1:${port}`);
  assert.equal((await refusalOf(ask(t, there(server.exec(request).url), {}))).status, 400);
  for (const transport of ["spdy", "websocket"] as const) {
    const session = await exec(there(server.exec(request).url), { stderr: false, transport });
    assert.equal((await within(5_000, session.ended)).exitCode, 0);
  }
  mine.closeIdleConnections();
});
