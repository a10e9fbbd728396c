// How the cache of the node is waited for.
import assert from "node:assert/strict";
import { test } from "node:test";
import { PodSandboxState } from "../../gen/runtime/v1/api_pb.js";
import { CriError, connect, isCriError, type NodeWatch } from "../../src/index.js";
import { cleanup } from "../support/cleanup.js";
import { tempFolder } from "../support/temp.js";
import { until } from "../support/waiting.js";
import { quick, soon, stub, withEvents } from "./support.js";

const pod = { id: "p1", metadata: { name: "p" }, state: PodSandboxState.SANDBOX_READY, createdAt: 1n };

/** A runtime without events. */
const noEvents = () => ({
  async *[Symbol.asyncIterator]() {
    yield* [];
    throw new CriError({ code: "unimplemented", reason: "unimplemented", text: "no events" });
  },
});

test("a second watch has what there was when it was asked for, however seldom the lists are polled", async (t) => {
  const pods: (typeof pod)[] = [];
  const { events } = stub(noEvents, { pods: () => pods }, { ...quick, pollMs: 60_000 });
  cleanup(t, () => events.close());
  const first = await soon(events.watch());
  pods.push(pod);
  const second = await soon(events.watch());
  assert.ok(second.pods.has("p1"));
  assert.ok(first.pods.has("p1"));
});

test("a second watch waits for a runtime that is away, as the first one does", async (t) => {
  const pods: (typeof pod)[] = [];
  let failed = 0;
  let away = false;
  const listing = () => {
    if (!away) return;
    failed++;
    throw new CriError({ code: "unavailable", reason: "connection_refused", text: "nobody" });
  };
  const { events } = stub(noEvents, { pods: () => pods, listing });
  cleanup(t, () => events.close());
  const first = await soon(events.watch());
  away = true;
  await soon(first.waitFor(({ connection }) => !connection.connected));
  let ready: NodeWatch | undefined;
  const second = events.watch().then((node) => {
    ready = node;
    return node;
  });
  const before = failed;
  await until(() => failed >= before + 3, "a few attempts");
  assert.equal(ready, undefined);
  // What is not waited for any longer is forgotten.
  await assert.rejects(soon(events.watch({ timeoutMs: 20 })), (error) => {
    assert.ok(isCriError(error) && error.reason === "deadline");
    return isCriError(error.cause) && error.cause.reason === "connection_refused";
  });
  pods.push(pod);
  away = false;
  const node = await soon(second);
  assert.deepEqual([...node.pods.keys()], ["p1"]);
  assert.equal(node.connection.connected, true);
});

test("a predicate that answers by a promise is refused, and does not compile", async (t) => {
  const { cri } = await withEvents(t);
  await using node = await cri.watchNode();
  // @ts-expect-error an answer that comes later is none
  const later = node.waitFor(async () => false);
  await assert.rejects(soon(later), { reason: "invalid_option" });
  // @ts-expect-error nor one that comes later sometimes
  const failing = node.waitFor(() => Promise.reject(new Error("nobody hears of this")));
  await assert.rejects(soon(failing), { reason: "invalid_option" });
  // What is inferred of others is what they answer with.
  const size: number = await soon(node.waitFor(({ pods }) => pods.size + 1));
  const text: "yes" = await soon(node.waitFor(() => (node.pods.size === 0 ? "yes" : undefined)));
  assert.deepEqual([size, text], [1, "yes"]);
});

test("a wrong time is refused, as by every call", async (t) => {
  const { cri } = await withEvents(t);
  await using node = await cri.watchNode({ timeoutMs: Number.POSITIVE_INFINITY });
  for (const timeoutMs of [Number.NaN, -1]) {
    await assert.rejects(soon(node.waitFor(() => false, { timeoutMs })), { reason: "invalid_option" });
    await assert.rejects(soon(cri.watchNode({ timeoutMs })), { reason: "invalid_option" });
  }
});

test("a deadline says why, where nobody is there", async (t) => {
  const nowhere = connect.lazy(`unix://${await tempFolder(t)}/none.sock`);
  cleanup(t, () => nowhere.close());
  await assert.rejects(soon(nowhere.watchNode({ timeoutMs: 50 })), (error) => {
    assert.ok(isCriError(error) && error.reason === "deadline");
    return isCriError(error.cause) && error.cause.reason === "socket_missing";
  });
  const { runtime, cri } = await withEvents(t);
  await using node = await cri.watchNode();
  await runtime.faults.crash();
  await soon(node.waitFor(({ connection }) => !connection.connected));
  await assert.rejects(soon(node.waitFor(() => false, { timeoutMs: 20 })), (error) => {
    assert.ok(isCriError(error) && error.reason === "deadline");
    return isCriError(error.cause) && error.cause === node.connection.error;
  });
});
