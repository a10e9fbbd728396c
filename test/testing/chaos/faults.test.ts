import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { VirtualClock } from "../../../src/testing/index.js";
import { faultyRuntime } from "../../support/chaos/client.js";
import { busybox, sandboxConfig, start } from "../../support/embedded.js";
import { failure } from "../../support/failure.js";
import { tempFolder } from "../../support/temp.js";
import { until, within } from "../../support/waiting.js";

const without = <T extends { readonly time: string; readonly seed: string }>({ time, seed, ...rest }: T) =>
  rest;

for (const way of ["memory", "socket"]) {
  const place = async (t: Parameters<typeof tempFolder>[0]) =>
    way === "socket" ? { socket: join(await tempFolder(t), "chaos.sock") } : {};

  test(`${way}: the third create loses its response; the container exists`, async (t) => {
    const { runtime, faulty, records } = await faultyRuntime(
      t,
      [{ fault: "cutConnection", methods: ["createContainer"], calls: [3], when: "after" }],
      { seed: "s", ...(await place(t)) },
    );
    const config = sandboxConfig("a");
    const { podSandboxId } = await faulty.runtime.runPodSandbox({ config });
    const create = (name: string) =>
      faulty.runtime.createContainer({
        podSandboxId,
        config: { metadata: { name }, image: { image: busybox }, command: ["run"] },
        sandboxConfig: config,
      });
    await create("one");
    await create("two");
    assert.equal((await failure(create("three"))).reason, "connection_lost");
    await create("four");
    const { containers } = await faulty.runtime.listContainers({});
    assert.deepEqual(containers.map(({ metadata }) => metadata?.name).sort(), [
      "four",
      "one",
      "three",
      "two",
    ]);
    const lost = runtime.calls.of("createContainer")[2]?.responses[0]?.containerId;
    assert.deepEqual(records.map(without), [
      {
        ...{ fault: "cutConnection", rule: "rules[0]", method: "createContainer", call: 3 },
        ...{ podSandboxId, containerId: lost, podName: "a", podUid: "uid-of-a", containerName: "three" },
        ...{ image: busybox, when: "after", code: "unavailable", upstream: "ok" },
      },
    ]);
    assert.equal(records[0]?.seed, "s");
    assert.ok(Math.abs(Date.parse(records[0]?.time ?? "") - Date.now()) < 60_000);
  });

  test(`${way}: cutConnection before the call fails all calls of the client, and the runtime hears nothing`, async (t) => {
    const { runtime, faulty } = await faultyRuntime(
      t,
      [{ fault: "cutConnection", methods: ["runPodSandbox"] }],
      await place(t),
    );
    const events = faulty.runtime.getContainerEvents({})[Symbol.asyncIterator]();
    const lost = failure(events.next());
    await faulty.runtime.version({});
    await until(() => runtime.calls.of("getContainerEvents").length === 1, "the stream");
    const run = faulty.runtime.runPodSandbox({ config: sandboxConfig("a") });
    assert.equal((await failure(run)).reason, "connection_lost");
    assert.equal((await within(5_000, lost)).reason, "connection_lost");
    assert.equal(runtime.calls.of("runPodSandbox").length, 0);
  });

  test(`${way}: a restart breaks all calls, refuses connections, and serves again`, async (t) => {
    const { runtime, proxy, faulty, records } = await faultyRuntime(
      t,
      [{ fault: "restart", methods: ["runPodSandbox"], calls: [1], when: "after", downMs: 300 }],
      await place(t),
    );
    const events = faulty.runtime.getContainerEvents({})[Symbol.asyncIterator]();
    const lost = failure(events.next());
    await until(() => runtime.calls.of("getContainerEvents").length === 1, "the stream");
    assert.equal((await failure(start(faulty, ["run"]))).code, "unavailable");
    assert.equal((await within(5_000, lost)).code, "unavailable");
    assert.equal((await failure(faulty.runtime.version({}, { timeoutMs: 50 }))).code, "unavailable");
    const listed = () => faulty.runtime.listPodSandbox({}).catch(() => undefined);
    await until(async () => (await listed())?.items.length === 1, "it serves again");
    assert.deepEqual(
      records.map(({ fault, ms, upstream }) => [fault, ms, upstream]),
      [["restart", 300, "ok"]],
    );
    assert.equal(proxy.counts.restart, 1);
  });

  test(`${way}: a call hangs until its deadline, before or after the runtime did its work`, async (t) => {
    const { cri, faulty } = await faultyRuntime(
      t,
      [
        { fault: "hang", methods: ["runPodSandbox"], calls: [1] },
        { fault: "hang", methods: ["runPodSandbox"], calls: [2], when: "after" },
      ],
      await place(t),
    );
    const run = () => faulty.runtime.runPodSandbox({ config: sandboxConfig("a") }, { timeoutMs: 300 });
    assert.equal((await failure(run())).code, "deadline_exceeded");
    assert.equal((await cri.runtime.listPodSandbox({})).items.length, 0);
    assert.equal((await failure(run())).code, "deadline_exceeded");
    assert.equal((await cri.runtime.listPodSandbox({})).items.length, 1);
  });

  test(`${way}: the proxy closes while calls hang, wait and stream`, async (t) => {
    const { runtime, proxy, faulty } = await faultyRuntime(
      t,
      [
        { fault: "hang", methods: ["status"] },
        { fault: "delay", methods: ["listContainers"], ms: 60_000 },
        { fault: "stallStream", methods: ["getContainerEvents"] },
      ],
      await place(t),
    );
    const calls = [
      failure(faulty.runtime.status({}, { timeoutMs: 30_000 })),
      failure(faulty.runtime.listContainers({}, { timeoutMs: 30_000 })),
      failure(faulty.runtime.getContainerEvents({})[Symbol.asyncIterator]().next()),
    ];
    await until(() => proxy.total === 3, "three faults");
    await within(5_000, proxy.close(), "close()");
    for (const error of await within(5_000, Promise.all(calls))) assert.equal(error.code, "unavailable");
    assert.equal(runtime.calls.of("listContainers").length, 0);
  });
}

test("fail: the code and text of the rule, before or after the runtime did its work", async (t) => {
  const { cri, faulty, records } = await faultyRuntime(t, [
    {
      ...{ fault: "fail", methods: ["status"], times: 2 },
      ...{ code: "unknown", message: "server is not initialized yet" },
    },
    { fault: "fail", methods: ["runPodSandbox"], code: "deadline_exceeded", when: "after" },
    { fault: "fail", methods: ["removePodSandbox"], code: "internal", when: "after" },
  ]);
  // The reason is one that the SDK retries.
  await faulty.runtime.status({});
  const run = faulty.runtime.runPodSandbox({ config: sandboxConfig("a") });
  assert.equal((await failure(run)).code, "deadline_exceeded");
  const [{ id = "" } = {}] = (await cri.runtime.listPodSandbox({})).items;
  const text = (await failure(faulty.runtime.removePodSandbox({ podSandboxId: id }))).rawMessage;
  assert.equal(text, "a fault of the test");
  assert.equal((await cri.runtime.listPodSandbox({})).items.length, 0);
  assert.deepEqual(
    records.map(({ method, call, code, when, upstream }) => [method, call, code, when, upstream]),
    [
      ["status", 1, "unknown", "before", undefined],
      ["status", 2, "unknown", "before", undefined],
      ["runPodSandbox", 1, "deadline_exceeded", "after", "ok"],
      ["removePodSandbox", 1, "internal", "after", "ok"],
    ],
  );
});

test("a fault after a call that failed replaces its error, and the record has both", async (t) => {
  const { faulty, records } = await faultyRuntime(t, [
    { fault: "fail", methods: ["podSandboxStatus"], code: "internal", when: "after" },
  ]);
  const status = faulty.runtime.podSandboxStatus({ podSandboxId: "0".repeat(64) });
  assert.equal((await failure(status)).code, "internal");
  assert.equal(records[0]?.upstream, "not_found");
});

test("delays of several rules add up, follow the clock, and end with the client's cancellation", async (t) => {
  const clock = new VirtualClock();
  const { runtime, faulty } = await faultyRuntime(
    t,
    [
      { fault: "delay", methods: ["pullImage"], ms: 30_000 },
      { fault: "delay", methods: ["pullImage"], ms: 10_000, when: "after" },
    ],
    { clock },
  );
  const image = { image: busybox };
  const pulled = faulty.image.pullImage({ image });
  await clock.whenSleeping(1);
  await clock.advance(29_999);
  assert.equal(runtime.calls.of("pullImage").length, 0);
  await clock.advance(1);
  await clock.whenSleeping(1);
  assert.equal(runtime.calls.of("pullImage").length, 1);
  await clock.advance(10_000);
  await pulled;

  const stop = new AbortController();
  const canceled = failure(faulty.image.pullImage({ image }, { signal: stop.signal }));
  await clock.whenSleeping(1);
  stop.abort();
  assert.equal((await canceled).reason, "aborted_by_caller");
  await until(() => clock.sleepers === 0, "the delay ends");
  assert.equal(runtime.calls.of("pullImage").length, 1);
});

test("corrupt: a response is not a valid message", async (t) => {
  const { faulty } = await faultyRuntime(t, [{ fault: "corrupt", methods: ["version"], calls: [2] }]);
  await faulty.runtime.version({});
  assert.equal((await failure(faulty.runtime.version({}))).code, "internal");
});

test("of several faults the first rule's happens; delays go with it", async (t) => {
  const { faulty, records } = await faultyRuntime(t, [
    { name: "a", fault: "fail", methods: ["version"], code: "internal" },
    { name: "b", fault: "delay", methods: ["version"], ms: 1 },
    { name: "c", fault: "fail", code: "aborted" },
  ]);
  assert.equal((await failure(faulty.runtime.version({}))).code, "internal");
  assert.equal((await failure(faulty.runtime.podSandboxStatus({ podSandboxId: "a" }))).code, "aborted");
  assert.deepEqual(
    records.map(({ rule }) => rule),
    ["b", "a", "c"],
  );
});

test("pause() ends the waits, and what they held back arrives; resume() continues the count", async (t) => {
  const { runtime, proxy, faulty, records } = await faultyRuntime(t, [
    { fault: "hang", methods: ["status"], calls: [1, 4], when: "after" },
    { fault: "stallStream", methods: ["getContainerEvents"] },
    { fault: "restart", methods: ["version"], calls: [1], downMs: 3_600_000 },
  ]);
  const events = faulty.runtime.getContainerEvents({})[Symbol.asyncIterator]();
  const [first, hanging] = [events.next(), faulty.runtime.status({}, { timeoutMs: 0 })];
  await until(() => proxy.total === 2 && runtime.calls.of("getContainerEvents").length === 1, "two faults");
  await start(faulty, ["run"]);
  await proxy.pause();
  assert.equal((await within(5_000, first)).value?.containerEventType, 0);
  await within(5_000, hanging);
  await events.return?.();
  await faulty.runtime.status({});
  await faulty.runtime.status({});
  proxy.resume();
  const again = failure(faulty.runtime.status({}, { timeoutMs: 100 }));
  assert.equal((await again).code, "deadline_exceeded");
  assert.equal(records.at(-1)?.call, 4);
  // The restart lasts an hour, or until the faults are paused.
  assert.equal((await failure(faulty.runtime.version({}, { timeoutMs: 100 }))).code, "unavailable");
  await within(5_000, proxy.pause());
  await faulty.runtime.version({});
});

test("crash() and restart() are those of the proxy: the runtime goes on", async (t) => {
  const { proxy, cri, faulty } = await faultyRuntime(t, []);
  await proxy.crash();
  assert.equal((await failure(faulty.runtime.version({}, { timeoutMs: 100 }))).code, "unavailable");
  await cri.runtime.version({});
  await proxy.restart();
  await faulty.runtime.version({});
  assert.equal(proxy.total, 0);
});

test("callbacks may throw, and a socket that is taken during a restart is tried again", async (t) => {
  const socket = join(await tempFolder(t), "chaos.sock");
  const errors: string[] = [];
  const { proxy, runtime, faulty } = await faultyRuntime(
    t,
    [{ fault: "restart", methods: ["version"], calls: [1], downMs: 400 }],
    {
      socket,
      onFault: () => {
        throw new Error("a callback that fails");
      },
      onError: ({ reason }) => void errors.push(reason),
    },
  );
  await failure(faulty.runtime.version({}, { timeoutMs: 100 }));
  await until(() => proxy.total === 1, "the restart");
  const taken = await within(
    5_000,
    untilServed(() => runtime.serve(socket)),
  );
  await until(() => errors.length > 0, "the error");
  assert.equal(errors[0], "endpoint_in_use");
  await taken.close();
  await until(
    () =>
      faulty.runtime.version({}, { timeoutMs: 100 }).then(
        () => true,
        () => false,
      ),
    "it serves again",
  );
});

/** Retries while the proxy has not left its socket yet. */
async function untilServed<T>(serve: () => Promise<T>): Promise<T> {
  for (;;)
    try {
      return await serve();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
}
