// httpGet probes on real sockets: what counts as a success, and what servers receive.
import assert from "node:assert/strict";
import { once } from "node:events";
import type { RequestListener } from "node:http";
import { createServer } from "node:net";
import { test } from "node:test";
import type { HTTPGetAction } from "../../../src/kubernetes/api/index.js";
import { failure } from "../../support/failure.js";
import { freePort } from "../../support/free-port.js";
import { headerLines, listen, probe, serveHttp, serveHttps } from "./support.js";

const httpGet = (port: number | string, more: Partial<HTTPGetAction> = {}) => ({
  httpGet: { path: "/healthz", port, ...more },
});
const address = (port: number) => `127.0.0.1:${port}`;

test("the status decides: 200 to 299 a success, 300 to 399 a warning, any other a failure", async (t) => {
  const port = await serveHttp(t, ({ url = "" }, response) => {
    response
      .writeHead(Number(url.slice(1)))
      .end(url === "/204" || url === "/304" ? undefined : `body ${url}`);
  });
  const expected = [
    [200, "success", "body /200"],
    [204, "success", ""],
    [299, "success", "body /299"],
    // Without a Location, there is nothing to follow.
    [301, "warning", "Probe terminated redirects, Response body: body /301"],
    [304, "warning", "Probe terminated redirects, Response body: "],
    [399, "warning", "Probe terminated redirects, Response body: body /399"],
    [400, "failure", "HTTP probe failed with statuscode: 400"],
    [404, "failure", "HTTP probe failed with statuscode: 404"],
    [500, "failure", "HTTP probe failed with statuscode: 500"],
    [599, "failure", "HTTP probe failed with statuscode: 599"],
  ] as const;
  for (const [status, result, output] of expected)
    assert.deepEqual(await probe(httpGet(port, { path: `/${status}` })), { result, output });
});

test("the headers are the kubelet's, and those of the probe replace them", async (t) => {
  const seen: string[][] = [];
  const port = await serveHttp(t, (request, response) => {
    seen.push(headerLines(request).sort());
    response.end();
  });
  const headers = async (...httpHeaders: readonly (readonly [name: string, value: string])[]) => {
    const list = httpHeaders.map(([name, value]) => ({ name, value }));
    assert.equal((await probe(httpGet(port, { httpHeaders: list }))).result, "success");
    return seen.pop();
  };
  const common = ["Connection: close", `Host: ${address(port)}`];
  assert.deepEqual(await headers(), ["Accept: */*", ...common, "User-Agent: kube-probe/1.37"]);
  assert.deepEqual(
    await headers(["accept", "text/html"], ["User-Agent", "me/1"], ["X-A", "1"], ["x-a", "2"]),
    [...common, "User-Agent: me/1", "X-A: 1", "X-A: 2", "accept: text/html"],
  );
  assert.deepEqual(await headers(["Accept", ""], ["user-agent", ""], ["Host", "example.com"]), [
    "Connection: close",
    "Host: example.com",
  ]);
  // What would break the request is left out, as in Go's client.
  assert.deepEqual(
    await headers(["Content-Length", "5"], ["Transfer-Encoding", "chunked"], ["Connection", "keep-alive"]),
    ["Accept: */*", ...common, "User-Agent: kube-probe/1.37"],
  );
  assert.deepEqual(
    (await headers(["X-U", "grün"]))?.at(-1),
    `X-U: ${Buffer.from("grün").toString("latin1")}`,
  );
  const invalid = await probe(httpGet(port, { httpHeaders: [{ name: "a b", value: "1" }] }));
  assert.equal(invalid.result, "failure");
});

test("the path and query are sent as they are, with what a request line cannot contain escaped", async (t) => {
  const seen: (string | undefined)[] = [];
  const port = await serveHttp(t, ({ url }, response) => {
    seen.push(url);
    response.end();
  });
  const cases = [
    ["/", "/"],
    ["/a/../b//c", "/a/../b//c"],
    ["healthz", "/healthz"],
    ["/live?verbose=1&x=%20", "/live?verbose=1&x=%20"],
    ["/a b?c=d e#fragment", "/a%20b?c=d%20e"],
    ["/grün/ä?ö", "/gr%C3%BCn/%C3%A4?%C3%B6"],
    ["/a%2Fb!$&'()*+,;=:@[x]", "/a%2Fb!$&'()*+,;=:@[x]"],
    // Not a valid escape: then all of it is the path.
    ["/100%?x#y", "/100%25%3Fx%23y"],
    ["//other.example/x", "/x"],
    ["http://other.example:1/x?y", "/x?y"],
  ] as const;
  for (const [path, sent] of cases) {
    assert.equal((await probe(httpGet(port, { path }))).result, "success", path);
    assert.equal(seen.pop(), sent, path);
  }
});

test("a port is a number, the name of a port of the container, or digits", async (t) => {
  const port = await serveHttp(t, (_request, response) => response.end());
  const container = {
    ports: [{ containerPort: 1 }, { name: "web", containerPort: port }, { name: "80", containerPort: port }],
  };
  for (const given of ["web", String(port), "80"])
    assert.equal((await probe(httpGet(given), { container })).result, "success", given);
  const unknown = await failure(probe(httpGet("metrics"), { container }));
  assert.equal(unknown.reason, "invalid_spec");
  assert.match(unknown.message, /httpGet\.port: no port of container "web" has the name "metrics"/);
  for (const given of [0, 65_536, "70000"])
    assert.match(
      (await failure(probe(httpGet(given)))).message,
      /httpGet\.port: must be a port from 1 to 65535/,
    );
});

test("the host is the probe's, else the pod's first address; without one, the probe cannot be made", async (t) => {
  const port = await serveHttp(t, (_request, response) => response.end());
  const v6 = await serveHttp(t, ({ headers }, response) => response.end(headers.host), "::1");
  assert.equal(
    (await probe(httpGet(port, { host: "127.0.0.1" }), { podIPs: ["192.0.2.1"] })).result,
    "success",
  );
  assert.equal((await probe(httpGet(port), { podIPs: ["127.0.0.1", "192.0.2.1"] })).result, "success");
  assert.deepEqual(await probe(httpGet(v6), { podIPs: ["::1"] }), {
    result: "success",
    output: `[::1]:${v6}`,
  });
  const none = await failure(probe(httpGet(port), { podIPs: [] }));
  assert.match(none.message, /the pod has no IP address yet/);
});

test("redirects to the same host are followed, also to another port or to HTTPS; others are warnings", async (t) => {
  const seen: string[] = [];
  const target = await serveHttps(t, ({ url, headers }, response) => {
    seen.push(`https ${url} ${headers.host}`);
    response.end("here");
  });
  const listener: RequestListener = ({ url = "", headers }, response) => {
    seen.push(`http ${url} ${headers.host}`);
    const location = decodeURIComponent(url.slice(1));
    response.writeHead(url === "/end" ? 200 : 307, url === "/end" ? {} : { location }).end("moved");
  };
  const port = await serveHttp(t, listener);
  const to = (location: string, more: Partial<HTTPGetAction> = {}) =>
    probe(httpGet(port, { path: `/${encodeURIComponent(location)}`, ...more }));
  const asHost = { httpHeaders: [{ name: "Host", value: "example.com" }] };
  assert.deepEqual(await to("/end"), { result: "success", output: "moved" });
  // The header `Host` remains for a relative redirect.
  await to("/end", asHost);
  assert.equal(seen.at(-1), "http /end example.com");
  await to(`http://${address(port)}/end`, asHost);
  assert.equal(seen.at(-1), `http /end ${address(port)}`);
  assert.deepEqual(await to(`https://${address(target)}/x?y`), { result: "success", output: "here" });
  assert.equal(seen.at(-1), `https /x?y ${address(target)}`);
  const other = await to(`http://localhost:${port}/end`);
  assert.deepEqual(other, { result: "warning", output: "Probe terminated redirects, Response body: moved" });
  for (const [location, text] of [
    ["ftp://127.0.0.1/x", /unsupported protocol scheme "ftp"/],
    ["http://[", /failed to parse Location header "http:\/\/\["/],
  ] as const) {
    const { result, output } = await to(location);
    assert.equal(result, "failure");
    assert.match(output, text);
  }
});

test("ten redirects are followed at most", async (t) => {
  let requests = 0;
  const port = await serveHttp(t, ({ url = "" }, response) => {
    requests++;
    const left = Number(url.slice(1));
    response.writeHead(left > 0 ? 302 : 200, left > 0 ? { location: `/${left - 1}` } : {}).end();
  });
  assert.equal((await probe(httpGet(port, { path: "/9" }))).result, "success");
  assert.equal(requests, 10);
  requests = 0;
  const { result, output } = await probe(httpGet(port, { path: "/100" }));
  assert.equal(result, "failure");
  assert.match(output, /^Get "http:\/\/127\.0\.0\.1:\d+\/90": stopped after 10 redirects$/);
  assert.equal(requests, 10);
});

test("10 KiB of the body are read; then the connection is closed", async (t) => {
  let closed: Promise<unknown> = Promise.resolve();
  const port = await serveHttp(t, (_request, response) => {
    closed = once(response, "close");
    const write = () => {
      while (!response.destroyed && response.write("x".repeat(4_096)));
    };
    response.on("drain", write);
    write();
  });
  const { result, output } = await probe(httpGet(port));
  assert.equal(result, "success");
  assert.equal(output, "x".repeat(10 * 1_024));
  await closed;
});

test("a server that does not answer in time is a failure; a body that does not end in time, or breaks off, is an error", async (t) => {
  const port = await serveHttp(t, ({ url, socket }, response) => {
    if (url === "/silent") return;
    response.writeHead(200, { "content-length": 10 });
    response.write("12345");
    if (url === "/broken") setTimeout(() => socket.destroy(), 20);
  });
  assert.deepEqual(await probe(httpGet(port, { path: "/silent" }), { timeoutMs: 100 }), {
    result: "failure",
    output: `Get "http://${address(port)}/silent": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`,
  });
  await assert.rejects(probe(httpGet(port, { path: "/slow" }), { timeoutMs: 100 }));
  await assert.rejects(probe(httpGet(port, { path: "/broken" })));
});

test("connections that fail are failures, in the words of the kubelet's events", async (t) => {
  const closed = await freePort();
  assert.deepEqual(await probe(httpGet(closed)), {
    result: "failure",
    output: `Get "http://${address(closed)}/healthz": dial tcp ${address(closed)}: connect: connection refused`,
  });
  const unknown = await probe(httpGet(80, { host: "nothing.invalid" }));
  assert.match(unknown.output, /dial tcp: lookup nothing\.invalid: no such host/);
  // No response at all.
  const mute = await listen(
    t,
    createServer((socket) => socket.resume().end()),
  );
  assert.match((await probe(httpGet(mute))).output, /: EOF$/);
  const garbage = await listen(
    t,
    createServer((socket) => socket.resume().end("hello\r\n\r\n")),
  );
  assert.equal((await probe(httpGet(garbage))).result, "failure");
});

test("HTTPS certificates are not checked; a plain HTTP server on an HTTPS port is named", async (t) => {
  const names: (string | false | null)[] = [];
  const secure = await serveHttps(t, (request, response) => {
    names.push("servername" in request.socket ? (request.socket.servername as string | false) : null);
    response.end("secret");
  });
  assert.deepEqual(await probe(httpGet(secure, { scheme: "HTTPS" })), {
    result: "success",
    output: "secret",
  });
  const headers = { httpHeaders: [{ name: "Host", value: "example.com" }] };
  await probe(httpGet(secure, { scheme: "HTTPS", host: "localhost", ...headers }));
  // The name of the TLS server is the host that is connected to.
  assert.deepEqual(names, [false, "localhost"]);
  const plain = await serveHttp(t, (_request, response) => response.end());
  assert.deepEqual(await probe(httpGet(plain, { scheme: "HTTPS" })), {
    result: "failure",
    output: `Get "https://${address(plain)}/healthz": http: server gave HTTP response to HTTPS client`,
  });
  assert.equal((await probe(httpGet(secure))).result, "failure");
});

test("proxies of the environment are not used", async (t) => {
  const port = await serveHttp(t, (_request, response) => response.end("direct"));
  for (const name of ["http_proxy", "HTTP_PROXY", "NODE_USE_ENV_PROXY"]) {
    const before = process.env[name];
    process.env[name] = name === "NODE_USE_ENV_PROXY" ? "1" : "http://127.0.0.1:9";
    t.after(() => {
      if (before === undefined) delete process.env[name];
      else process.env[name] = before;
    });
  }
  assert.deepEqual(await probe(httpGet(port)), { result: "success", output: "direct" });
});

test("a probe can be canceled", async (t) => {
  const stop = new AbortController();
  const port = await serveHttp(t, () => stop.abort());
  const started = performance.now();
  await probe(httpGet(port), { signal: stop.signal }).catch(() => undefined);
  assert.ok(performance.now() - started < 4_000);
});
