import assert from "node:assert/strict";
import { once } from "node:events";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { serve } from "../../../src/server/index.js";
import { createTransport } from "../../../src/transport.js";
import { RuntimeService } from "../../../src/v1.js";
import { events, transportTo, version } from "../../support/calls.js";
import { cleanup } from "../../support/cleanup.js";
import { checkLeaks } from "../../support/leaks.js";
import { startProgram } from "../../support/programs.js";
import { tempFolder } from "../../support/temp.js";
import { until, within } from "../../support/waiting.js";
import { scripted } from "./scripted.js";

async function setUp(t: TestContext) {
  checkLeaks(t);
  const path = join(await tempFolder(t), "cri.sock");
  const script = scripted();
  const server = await serve(path, script.services);
  cleanup(t, () => within(5_000, server.close(), "close()"));
  return { path, server, script };
}

test("a thousand concurrent calls, on one connection and on fifty", async (t) => {
  const { path, server, script } = await setUp(t);
  for (const connections of [1, 50]) {
    const transports = Array.from({ length: connections }, () => createTransport(path));
    script.contexts.length = 0;
    const calls = Array.from({ length: 1_000 }, (_, nth) =>
      transports[nth % connections]?.unary(RuntimeService.method.execSync, undefined, 20_000, undefined, {
        cmd: ["sleep", "500"],
      }),
    );
    await until(() => script.contexts.length === 1_000, "all calls are in flight", 10_000);
    for (const response of await within(20_000, Promise.all(calls)))
      assert.equal(response?.message.exitCode, 7);
    await Promise.all(transports.map((transport) => transport.close()));
  }
  await until(() => server.calls === 0 && server.connections === 0, "no call or connection is open");
});

test("two hundred subscribers get every event, and no state remains", async (t) => {
  const { path, server, script } = await setUp(t);
  const transports = Array.from({ length: 20 }, () => transportTo(t, path));
  const streams = Array.from({ length: 200 }, (_, nth) =>
    events(transports[nth % 20] ?? createTransport(path))[Symbol.asyncIterator](),
  );
  const received = streams.map((stream) => stream.next());
  await until(() => script.subscribers === 200, "all have subscribed", 10_000);
  assert.equal(server.calls, 200);
  script.emit("first");
  for (const { value } of await within(10_000, Promise.all(received)))
    assert.equal(value?.containerId, "first");
  for (let nth = 0; nth < 20; nth++) script.emit(String(nth));
  const all = await within(
    10_000,
    Promise.all(
      streams.map(async (stream) => {
        const ids: string[] = [];
        while (ids.length < 20) ids.push((await stream.next()).value?.containerId ?? "");
        return ids.join();
      }),
    ),
  );
  assert.deepEqual(new Set(all), new Set([Array.from({ length: 20 }, (_, nth) => nth).join()]));
  await Promise.all(streams.map((stream) => stream.return()));
  await until(() => script.subscribers === 0 && server.calls === 0, "no call or subscriber remains");
});

test("eight messages of 16 MiB in each direction at a time", { timeout: 300_000 }, async (t) => {
  const { path } = await setUp(t);
  const transport = transportTo(t, path);
  const size = 16 * 2 ** 20 - 64;
  const calls = Array.from({ length: 8 }, (_, nth) =>
    transport.unary(RuntimeService.method.execSync, undefined, 240_000, undefined, {
      cmd: nth % 2 === 0 ? ["echo", String(size)] : ["echo", "1", "y".repeat(size)],
    }),
  );
  const quick = version(transport, { timeoutMs: 240_000 });
  const sizes = (await Promise.all(calls)).map(({ message }) => message.stdout.byteLength);
  assert.deepEqual(sizes, [size, 1, size, 1, size, 1, size, 1]);
  await quick;
});

test("a client that is killed during its calls", async (t) => {
  const { path, server, script } = await setUp(t);
  const client = startProgram("calls-that-wait.ts", [path]);
  const gone = once(client, "close");
  try {
    await until(
      () => script.contexts.length === 5 && script.subscribers === 5,
      "its calls are under way",
      20_000,
    );
    client.kill("SIGKILL");
    await until(() => script.ends.length === 10, "the signal of every handler fired");
    await until(() => server.calls === 0 && server.connections === 0, "no call or connection is open");
  } finally {
    client.kill("SIGKILL");
    await gone;
  }
  assert.equal((await version(transportTo(t, path))).message.runtimeName, "scripted");
});
