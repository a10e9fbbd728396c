import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { connect } from "../../src/index.js";
import { nodeArgs } from "../support/checkout.js";
import { failure } from "../support/failure.js";
import { checkLeaks } from "../support/leaks.js";
import { scripted } from "../support/scripted-transport.js";
import { until, within } from "../support/waiting.js";
import { runtimeServer } from "./runtime-server.js";
import { idOf } from "./support.js";

test("close() is idempotent, ends the calls in flight, and leaves no connection on the servers", async (t) => {
  checkLeaks(t);
  const pending = {
    status: (_: unknown, { signal }: { readonly signal: AbortSignal }) =>
      new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
  };
  const [runtime, images] = [await runtimeServer(t, "runtime", pending), await runtimeServer(t, "images")];
  const cri = await connect(runtime.url, { imageEndpoint: images.url });
  const call = failure(cri.runtime.status(), "client_closed");
  await until(() => runtime.running === 1, "the call arrived");
  await Promise.all([cri.close(), cri.close()]);
  const error = await call;
  assert.deepEqual([error.code, error.method, error.endpoint], ["canceled", "Status", runtime.url]);
  await cri.close();
  await until(() => runtime.sessions.size + images.sessions.size === 0, "both connections are closed");
  assert.equal((await failure(cri.runtime.version(), "client_closed")).method, "Version");
  assert.equal((await failure(cri.image.listImages(), "client_closed")).endpoint, images.url);
  assert.equal(runtime.connections + images.connections, 2);
});

test("await using closes", async (t) => {
  const server = await runtimeServer(t, "scoped");
  {
    await using cri = await connect(server.url);
    await cri.runtime.version();
    assert.equal(server.sessions.size, 1);
  }
  await until(() => server.sessions.size === 0, "the connection is closed");
});

test("close() does not close the transport of connect.through()", async () => {
  const transport = scripted(() => ({ containerId: idOf("a") }));
  for (const [cri, endpoint] of [
    [connect.through(transport), "custom transport"],
    [connect.through({ transport, endpoint: "in memory" }), "in memory"],
  ] as const) {
    assert.equal(cri.transport, transport);
    assert.deepEqual([cri.endpoint, cri.imageEndpoint], [endpoint, endpoint]);
    assert.equal((await failure(cri.runtime.exec({ containerId: "" }))).endpoint, endpoint);
    await cri.close();
    const error = await failure(cri.runtime.removeContainer({ containerId: idOf("a") }), "client_closed");
    assert.deepEqual([error.method, error.endpoint], ["RemoveContainer", endpoint]);
    await connect.through(transport).runtime.removeContainer({ containerId: idOf("a") });
  }
});

test("a program that only calls version() exits by itself, without close()", async (t) => {
  const server = await runtimeServer(t, "patient");
  const args = nodeArgs("test/clients/version-only.program.ts", server.url);
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => child.kill("SIGKILL"));
  let printed = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    printed += text;
  });
  const [code] = await within(20_000, once(child, "close"), "the program");
  assert.deepEqual([code, printed], [0, "patient\n"]);
});
