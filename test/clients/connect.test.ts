import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { Code, ConnectError } from "@connectrpc/connect";
import { connect } from "../../src/index.js";
import { failure } from "../support/failure.js";
import { assertNoListeners, checkLeaks } from "../support/leaks.js";
import { rawServer } from "../support/raw-server.js";
import { tempFolder } from "../support/temp.js";
import { until, within } from "../support/waiting.js";
import { alienServer, runtimeServer, setEnv } from "./runtime-server.js";
import { atOnce, closing } from "./support.js";

const nameOf = async (cri: Awaited<ReturnType<typeof connect>>) => (await cri.runtime.version()).runtimeName;

test("connect(endpoint) and connect({ endpoint }) check with one Version call on one connection", async (t) => {
  checkLeaks(t);
  const server = await runtimeServer(t, "one");
  const paths = () => server.requests.map((headers) => headers[":path"]);
  for (const open of [
    () => connect(server.url),
    () => connect(server.path, { timeoutMs: 5_000 }),
    () => connect({ endpoint: server.url }),
    () => connect({ endpoint: "unix:///nowhere" }, { endpoint: server.url }),
  ]) {
    const [before, connections] = [server.requests.length, server.connections];
    const cri = closing(t, await open());
    assert.deepEqual(paths().slice(before), ["/runtime.v1.RuntimeService/Version"]);
    assert.equal(cri.endpoint, server.url);
    assert.equal(cri.imageEndpoint, server.url);
    assert.equal(await nameOf(cri), "one");
    await cri.image.listImages();
    assert.equal(server.connections - connections, 1, "both services share the connection");
  }
});

test("a separate image endpoint gets a connection of its own, which is checked, too", async (t) => {
  const [runtime, images] = [await runtimeServer(t, "runtime"), await runtimeServer(t, "images")];
  const cri = closing(t, await connect({ endpoint: runtime.url, imageEndpoint: images.path }));
  assert.equal(cri.imageEndpoint, images.url);
  await cri.image.listImages();
  await cri.runtime.version();
  assert.deepEqual(
    images.requests.map((headers) => headers[":path"]),
    ["/runtime.v1.ImageService/ImageFsInfo", "/runtime.v1.ImageService/ListImages"],
  );
  assert.deepEqual([runtime.connections, images.connections], [1, 1]);
  const same = closing(t, await connect({ endpoint: runtime.url, imageEndpoint: runtime.path }));
  await same.image.listImages();
  assert.equal(runtime.connections, 2);

  const error = await failure(
    connect({ endpoint: runtime.url, imageEndpoint: `${images.path}.none`, connectAttempts: 1 }),
    "socket_missing",
  );
  assert.equal(error.endpoint, `${images.url}.none`);
  assert.equal(error.method, "ImageFsInfo");
  await until(() => runtime.sessions.size === 2, "the runtime's connection was closed, too");
});

test("connect() and connect.lazy() read endpoints from the environment and crictl.yaml", async (t) => {
  const [runtime, images] = [await runtimeServer(t, "runtime"), await runtimeServer(t, "images")];
  const file = join(await tempFolder(t), "crictl.yaml");
  await writeFile(file, `runtime-endpoint: ${runtime.url}\nimage-endpoint: ${images.url}\n`);
  setEnv(t, { CRI_CONFIG_FILE: file });
  for (const cri of [await connect(), connect.lazy()]) {
    closing(t, cri);
    assert.deepEqual([cri.endpoint, cri.imageEndpoint], [runtime.url, images.url]);
    assert.equal(await nameOf(cri), "runtime");
  }
  setEnv(t, { CONTAINER_RUNTIME_ENDPOINT: images.url });
  assert.equal(closing(t, await connect()).imageEndpoint, images.url);
  setEnv(t, { CONTAINER_RUNTIME_ENDPOINT: images.url, IMAGE_SERVICE_ENDPOINT: runtime.url });
  const cri = closing(t, await connect({ timeoutMs: 5_000 }));
  assert.deepEqual([cri.endpoint, cri.imageEndpoint], [images.url, runtime.url]);
  const explicit = closing(t, await connect(runtime.url));
  assert.deepEqual([explicit.endpoint, explicit.imageEndpoint], [runtime.url, runtime.url]);
});

test("the error of an unreachable endpoint names the source of the endpoint", async (t) => {
  const none = join(await tempFolder(t), "none.sock");
  const explicit = await failure(connect(none), "socket_missing");
  assert.deepEqual([explicit.method, explicit.endpoint], ["Version", `unix://${none}`]);
  setEnv(t, { CONTAINER_RUNTIME_ENDPOINT: none });
  const error = await failure(connect(), "socket_missing");
  assert.deepEqual([error.code, error.method, error.endpoint], ["unavailable", "Version", `unix://${none}`]);
  assert.match(error.message, /CONTAINER_RUNTIME_ENDPOINT/);
});

test("a server without CRI v1 fails with wrong_api_version", async (t) => {
  const server = await alienServer(t);
  const error = await failure(connect(server.url), "wrong_api_version");
  assert.deepEqual(
    [error.code, error.method, error.endpoint, error.rawMessage],
    ["unimplemented", "Version", server.url, "unknown service runtime.v1.RuntimeService"],
  );
  await until(() => server.sessions.size === 0, "the connection was closed");
});

test("the check of a starting runtime is retried", async (t) => {
  let asked = 0;
  const server = await runtimeServer(t, "late", {
    version: () => {
      if (++asked <= 2) throw new ConnectError("server is not initialized yet", Code.Unavailable);
      return { runtimeName: "late", runtimeVersion: "1", runtimeApiVersion: "v1" };
    },
  });
  closing(t, await connect(server.url));
  assert.equal(asked, 3);
  asked = -100;
  await failure(connect(server.url, { retry: { attempts: 5, backoff: atOnce } }), "runtime_starting");
  assert.equal(asked, -95, "the retry options apply to the check, too");
});

test("connect.lazy() connects with the first call, which fails if the runtime is absent", async (t) => {
  const server = await runtimeServer(t, "lazy");
  const cri = closing(t, connect.lazy({ endpoint: server.url }));
  assert.equal(cri.endpoint, server.url);
  assert.equal(server.connections, 0);
  assert.equal(await nameOf(cri), "lazy");
  assert.equal(server.connections, 1);
  const absent = closing(t, connect.lazy(`${server.path}.none`, { connectAttempts: 1 }));
  const error = await failure(absent.runtime.status(), "socket_missing");
  assert.deepEqual([error.method, error.endpoint], ["Status", `${server.url}.none`]);
  assert.throws(() => connect.lazy("none.sock"), { reason: "invalid_endpoint" });
  assert.throws(() => connect.lazy(server.url, { readLimitBytes: 0 }), { reason: "invalid_option" });
});

test("invalid options are rejected before a connection is opened", async (t) => {
  const server = await runtimeServer(t, "unused");
  for (const options of [
    { retry: { attempts: 0 } },
    { timeoutMs: -1 },
    { timeoutMs: Number.NaN },
    { readLimitBytes: -1 },
    { connectAttempts: 0 },
  ])
    await failure(connect(server.url, options), "invalid_option");
  await failure(connect("none.sock"), "invalid_endpoint");
  await failure(connect(""), "invalid_endpoint");
  await failure(connect({ endpoint: server.url, imageEndpoint: "" }), "invalid_endpoint");
  assert.equal(server.connections, 0);
});

test("connect() ends with its signal and with timeoutMs, and leaves no connection behind", async (t) => {
  checkLeaks(t);
  const silent = await rawServer(t, { onRequest: () => undefined });
  const late = await failure(connect(silent.url, { timeoutMs: 50 }), "deadline");
  assert.deepEqual([late.code, late.method, late.endpoint], ["deadline_exceeded", "Version", silent.url]);
  const why = new Error("enough");
  const stop = new AbortController();
  const opening = connect(silent.url, { signal: stop.signal });
  await until(() => silent.requests === 2, "the Version call arrived");
  stop.abort(why);
  const error = await within(5_000, failure(opening, "aborted_by_caller"));
  assert.deepEqual([error.code, error.cause, error.endpoint], ["canceled", why, silent.url]);
  assertNoListeners(stop.signal);
  await failure(connect(silent.url, { signal: AbortSignal.abort(why) }), "aborted_by_caller");
  await until(() => silent.peers.every(({ closed }) => closed), "every connection was closed");
  assert.equal(silent.requests, 2);
});

test("the signal of connect() does not cancel later calls", async (t) => {
  const server = await runtimeServer(t, "on");
  const stop = new AbortController();
  const cri = closing(t, await connect(server.url, { signal: stop.signal }));
  assertNoListeners(stop.signal);
  stop.abort();
  assert.equal(await nameOf(cri), "on");
});
