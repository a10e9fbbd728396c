import assert from "node:assert/strict";
import { test } from "node:test";
import { faultyRuntime } from "../../support/chaos/client.js";
import { start } from "../../support/embedded.js";
import { failure } from "../../support/failure.js";
import { within } from "../../support/waiting.js";

test("cutSession: the connection of a session breaks after a time; others work through the relay", async (t) => {
  const { faulty, records } = await faultyRuntime(t, [
    { fault: "cutSession", methods: ["exec"], calls: [2], afterMs: 100 },
  ]);
  const { containerId } = await start(faulty, ["run"]);
  const whole = await faulty.exec(containerId, ["print", "hello"]);
  const chunks: Buffer[] = [];
  for await (const chunk of whole.stdout ?? []) chunks.push(chunk);
  assert.equal(Buffer.concat(chunks).toString(), "hello");
  assert.equal((await within(5_000, whole.ended)).exitCode, 0);
  const cut = await faulty.exec(containerId, ["sleep", "600"]);
  const error = await within(10_000, failure(cut.ended.then(() => undefined)));
  assert.equal(error.code, "unavailable");
  assert.deepEqual(
    records.map(({ fault, call, containerId: id, ms }) => [fault, call, id, ms]),
    [["cutSession", 2, containerId, 100]],
  );
});

test("cutSession: after a number of bytes", async (t) => {
  const { faulty, proxy } = await faultyRuntime(t, [{ fault: "cutSession", afterBytes: 20_000 }]);
  const { containerId } = await start(faulty, ["run"]);
  const session = await faulty.exec(containerId, ["fill", "1000000", "100"]);
  let received = 0;
  const read = async () => {
    for await (const chunk of session.stdout ?? []) received += chunk.length;
  };
  await within(
    10_000,
    read().catch(() => undefined),
  );
  await failure(session.ended.then(() => undefined));
  assert.ok(received > 10_000 && received < 20_000, `${received} bytes`);
  assert.equal(proxy.counts.cutSession, 1);
});

test("cutSession: a session lasts if the faults are paused before it is cut", async (t) => {
  const { faulty, proxy } = await faultyRuntime(t, [
    { fault: "cutSession", afterBytes: 2_000, afterMs: 200 },
  ]);
  const { containerId } = await start(faulty, ["run"]);
  const session = await faulty.exec(containerId, ["fill", "100000", "100"]);
  await proxy.pause();
  let received = 0;
  for await (const chunk of session.stdout ?? []) received += chunk.length;
  assert.equal(received, 100_000);
  assert.equal((await within(10_000, session.ended)).exitCode, 0);
  assert.equal(proxy.total, 0);
});

test("a restart breaks sessions", async (t) => {
  const { faulty, proxy } = await faultyRuntime(t, [
    { fault: "restart", methods: ["version"], calls: [1], downMs: 10 },
  ]);
  const { containerId } = await start(faulty, ["run"]);
  const session = await faulty.exec(containerId, ["sleep", "600"]);
  const ended = failure(session.ended.then(() => undefined));
  await faulty.runtime.version({}).catch(() => undefined);
  assert.equal((await within(10_000, ended)).code, "unavailable");
  assert.equal(proxy.counts.restart, 1);
});

test("without rules for sessions, clients connect to the runtime", async (t) => {
  const { cri, faulty } = await faultyRuntime(t, [{ fault: "delay", ms: 1 }]);
  const { containerId } = await start(faulty, ["run"]);
  const url = async (client: typeof cri) =>
    new URL((await client.runtime.exec({ containerId, cmd: ["run"], stdout: true })).url).host;
  assert.equal(await url(faulty), await url(cri));
});
