import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { sandboxConfig, scripted, start } from "../../support/embedded.js";
import { failure } from "../../support/failure.js";
import { tempFolder } from "../../support/temp.js";
import { within } from "../../support/waiting.js";

test("failNext: a number of calls fail, before or after the runtime did its work", async (t) => {
  const { runtime, cri } = await scripted(t);
  const { faults } = runtime;
  faults.failNext("version", { code: "unavailable", message: "not today" });
  const [error, second] = [await failure(cri.runtime.version({})), await cri.runtime.version({})];
  assert.deepEqual(
    [error.code, error.rawMessage, second.runtimeName],
    ["unavailable", "not today", "cri-sdk-embedded"],
  );

  faults.failNext("runPodSandbox", { code: "deadline_exceeded" }, { when: "after" });
  const config = sandboxConfig("lost");
  assert.equal((await failure(cri.runtime.runPodSandbox({ config }))).code, "deadline_exceeded");
  const { items } = await cri.runtime.listPodSandbox({});
  const again = await failure(cri.runtime.runPodSandbox({ config }));
  assert.deepEqual([again.reason, again.existingId], ["name_reserved", items[0]?.id]);

  faults.failNext("status", { code: "internal" }, { times: 2 });
  for (const expected of ["internal", "internal", undefined])
    assert.equal((await cri.runtime.status({}).catch((error) => error)).code, expected);
  faults.assertNoPendingFaults();
});

test("pending faults are listed, and can be cleared", async (t) => {
  const { runtime } = await scripted(t);
  const { faults } = runtime;
  faults.failNext("version", { code: "internal" }, { times: 3 });
  faults.delay("status", 5);
  assert.throws(() => faults.assertNoPendingFaults(), /fail version, 3 left; delay status, 1 left/);
  faults.clear();
  faults.assertNoPendingFaults();
  assert.throws(() => faults.delay("status", -1), { reason: "invalid_option" });
  assert.throws(() => faults.failNext("status", { code: "internal" }, { times: 0 }), {
    reason: "invalid_option",
  });
});

for (const way of ["memory", "socket"])
  test(`${way}: cutConnection fails all calls of the client; crash and restart`, async (t) => {
    const socket = way === "socket" ? { socket: join(await tempFolder(t), "cri.sock") } : {};
    const { runtime, cri } = await scripted(t, socket);
    const { containerId } = await start(cri, ["run"]);
    const events = cri.runtime.getContainerEvents({})[Symbol.asyncIterator]();
    const lost = failure(events.next());
    await cri.runtime.version({});
    // RunPodSandbox is not retried; the client retries idempotent calls.
    runtime.faults.cutConnection("runPodSandbox");
    assert.equal(
      (await failure(cri.runtime.runPodSandbox({ config: sandboxConfig("b") }))).reason,
      "connection_lost",
    );
    assert.equal((await lost).reason, "connection_lost");

    const waiting = failure(cri.runtime.execSync({ containerId, cmd: ["sleep", "60"] }));
    await new Promise((resolve) => setTimeout(resolve, 50));
    await runtime.faults.crash();
    assert.equal((await waiting).code, "unavailable");
    assert.equal((await failure(cri.runtime.version({}, { timeoutMs: 300 }))).code, "unavailable");
    await runtime.faults.restart();
    assert.equal((await within(5_000, cri.runtime.containerStatus({ containerId }))).status?.state, 1);
  });

test("corrupt: invalid bytes, or a response that the test changes", async (t) => {
  const { runtime, cri } = await scripted(t);
  runtime.faults.corrupt("version");
  assert.equal((await failure(cri.runtime.version({}))).code, "internal");
  runtime.faults.corrupt("version", (response) => ({ ...response, runtimeName: "" }));
  assert.equal((await failure(cri.runtime.version({}))).reason, "invalid_response");
  assert.equal((await cri.runtime.version({})).runtimeName, "cri-sdk-embedded");
});

test("dropEvents: no subscriber receives the next events", async (t) => {
  const { runtime, cri } = await scripted(t);
  const events = cri.runtime.getContainerEvents({})[Symbol.asyncIterator]();
  const first = events.next();
  while (runtime.calls.of("getContainerEvents").length === 0) await new Promise(setImmediate);
  runtime.faults.dropEvents(3);
  const { containerId } = await start(cri, ["exit", "3"]);
  // Dropped: the pod's two events and the container's creation.
  const seen = [(await within(5_000, first)).value, (await within(5_000, events.next())).value];
  assert.deepEqual(
    seen.map((event) => [event?.containerId, event?.containerEventType]),
    [
      [containerId, 1],
      [containerId, 2],
    ],
  );
  await events.return?.();
});

test("calls are recorded with request, response or error, and times", async (t) => {
  const { runtime, cri } = await scripted(t, { callLimit: 3 });
  const { podSandboxId } = await start(cri, ["run"]);
  await failure(
    cri.runtime.checkpointContainer({ containerId: "0".repeat(64), location: "/tmp/checkpoint" }),
  );
  const [created, started, refused] = runtime.calls.all;
  assert.deepEqual([created?.method, started?.method], ["createContainer", "startContainer"]);
  const [call] = runtime.calls.of("createContainer");
  assert.equal(call?.request.podSandboxId, podSandboxId);
  assert.match(call?.responses[0]?.containerId ?? "", /^[0-9a-f]{64}$/);
  assert.ok((call?.durationNanos ?? 0n) > 0n && (call?.startedAt ?? 0n) > 1_700_000_000_000_000_000n);
  assert.deepEqual([refused?.method, refused?.error?.code], ["checkpointContainer", "unimplemented"]);
  assert.equal(runtime.calls.total, 4);
  runtime.calls.clear();
  assert.equal(runtime.calls.all.length, 0);
});
