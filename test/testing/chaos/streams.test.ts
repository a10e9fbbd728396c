import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../../../src/testing/index.js";
import { faultyRuntime } from "../../support/chaos/client.js";
import { start } from "../../support/embedded.js";
import { failure } from "../../support/failure.js";
import { until, within } from "../../support/waiting.js";

/** The types of the events of `start()` with a program that exits. */
const lifecycle = { podCreated: 0, podStarted: 1, created: 0, started: 1, stopped: 2 };
const all = Object.values(lifecycle);

test("cutStream: after a number of messages, with an error, with the connection, or as if it were complete", async (t) => {
  const { runtime, cri, faulty, records } = await faultyRuntime(t, [
    { fault: "cutStream", calls: [1], afterMessages: 2, code: "internal", message: "broken pipe" },
    { fault: "cutStream", calls: [2], afterMessages: 1, how: "complete" },
    { fault: "cutStream", methods: ["getContainerEvents"], calls: [3], how: "connection" },
  ]);
  const read = async () => {
    const types: number[] = [];
    const before = runtime.calls.of("getContainerEvents").length;
    const reading = (async () => {
      for await (const { containerEventType } of faulty.runtime.getContainerEvents({}))
        types.push(containerEventType);
    })();
    const ended = reading.then(
      () => "complete",
      ({ code, rawMessage }) => `${code}: ${rawMessage}`,
    );
    let isEnded = false;
    void ended.then(() => {
      isEnded = true;
    });
    await until(() => isEnded || runtime.calls.of("getContainerEvents").length > before, "the stream");
    return { types, ended };
  };
  for (const [name, expected] of [
    ["a", { types: [0, 1], end: /^internal: broken pipe$/ }],
    ["b", { types: [0], end: /^complete$/ }],
    ["c", { types: [], end: /^unavailable: / }],
  ] as const) {
    const { types, ended } = await read();
    await start(cri, ["run"], name);
    assert.match(await within(5_000, ended, `the end of stream ${name}`), expected.end);
    assert.deepEqual(types, expected.types);
  }
  assert.deepEqual(
    records.map(({ call, message, code }) => [call, message, code]),
    [
      [1, 3, "internal"],
      [2, 2, undefined],
      [3, 1, "unavailable"],
    ],
  );
  // The runtime's streams end with those of the client.
  await until(
    () => runtime.calls.of("getContainerEvents").every(({ durationNanos }) => durationNanos !== undefined),
    "the upstream's streams end",
  );
});

test("cutStream: after a time, also while no message arrives", async (t) => {
  const clock = new VirtualClock();
  const { runtime, faulty } = await faultyRuntime(
    t,
    [{ fault: "cutStream", methods: ["getContainerEvents"], afterMs: 60_000 }],
    { clock },
  );
  const ended = failure(faulty.runtime.getContainerEvents({})[Symbol.asyncIterator]().next());
  await until(() => runtime.calls.of("getContainerEvents").length === 1, "the stream");
  await clock.advance(60_000);
  assert.equal((await within(5_000, ended)).code, "unavailable");
  await until(
    () => runtime.calls.of("getContainerEvents")[0]?.durationNanos !== undefined,
    "the upstream's end",
  );
});

test("stallStream: messages stop, and arrive late and complete", async (t) => {
  const clock = new VirtualClock();
  const { runtime, cri, faulty, records } = await faultyRuntime(
    t,
    [{ fault: "stallStream", methods: ["getContainerEvents"], afterMessages: 1, ms: 5_000 }],
    { clock },
  );
  const types: number[] = [];
  const events = faulty.runtime.getContainerEvents({})[Symbol.asyncIterator]();
  const read = async () => {
    while (types.length < all.length) types.push((await events.next()).value?.containerEventType ?? -1);
  };
  const reading = read();
  await until(() => runtime.calls.of("getContainerEvents").length === 1, "the stream");
  await start(cri, ["exit", "0"]);
  await clock.whenSleeping(1);
  assert.deepEqual(types, all.slice(0, 1));
  await clock.advance(5_000);
  await within(5_000, reading);
  assert.deepEqual(types, all);
  assert.deepEqual([records[0]?.message, records[0]?.ms], [2, 5_000]);
  await events.return?.();
});

test("dropEvents and delayEvents: some events are lost, some are late", async (t) => {
  const clock = new VirtualClock();
  const { runtime, cri, faulty, records } = await faultyRuntime(
    t,
    [
      { fault: "dropEvents", times: 2 },
      { fault: "delayEvents", ms: 1_000, times: 1 },
    ],
    { clock },
  );
  const events = faulty.runtime.getContainerEvents({})[Symbol.asyncIterator]();
  const first = events.next();
  await until(() => runtime.calls.of("getContainerEvents").length === 1, "the stream");
  const { containerId } = await start(cri, ["exit", "0"]);
  await clock.whenSleeping(1);
  await clock.advance(1_000);
  const types = [
    (await within(5_000, first)).value,
    (await events.next()).value,
    (await events.next()).value,
  ];
  assert.deepEqual(
    types.map((event) => event?.containerEventType),
    all.slice(2),
  );
  assert.deepEqual(
    records.map(({ fault, message }) => [fault, message]),
    [
      ["dropEvents", 1],
      ["dropEvents", 2],
      ["delayEvents", 3],
    ],
  );
  assert.equal(records.at(-1)?.containerId, containerId);
  await events.return?.();
});

test("a list that is streamed may end early, too", async (t) => {
  const { cri, faulty } = await faultyRuntime(t, [
    { fault: "cutStream", methods: ["streamContainers"], how: "error", calls: [1] },
  ]);
  await start(cri, ["run"]);
  const list = () => faulty.runtime.streamContainers({})[Symbol.asyncIterator]();
  assert.equal((await failure(list().next())).code, "unavailable");
  assert.equal((await list().next()).value?.containers.length, 1);
});
