// Waits of cri.watchNode() and of waitFor(): deadlines, aborts and predicates.
import assert from "node:assert/strict";
import { test } from "node:test";
import { PodSandboxState } from "../../gen/runtime/v1/api_pb.js";
import { CriError, connect, isCriError, type NodeWatch } from "../../src/index.js";
import { cleanup } from "../support/cleanup.js";
import { tempFolder } from "../support/temp.js";
import { until } from "../support/waiting.js";
import { quick, soon, stub, withEvents } from "./support.js";

const pod = { id: "p1", metadata: { name: "p" }, state: PodSandboxState.SANDBOX_READY, createdAt: 1n };

/** The event stream of a runtime without events. */
const noEvents = () => ({
  async *[Symbol.asyncIterator]() {
    yield* [];
    throw new CriError({ code: "unimplemented", reason: "unimplemented", rawMessage: "no events" });
  },
});

test("a second watch has the state at its call, however rarely the lists are polled", async (t) => {
  const pods: (typeof pod)[] = [];
  const { events } = stub(noEvents, { pods: () => pods }, { ...quick, pollMs: 60_000 });
  cleanup(t, () => events.close());
  const first = await soon(events.watch());
  pods.push(pod);
  const second = await soon(events.watch());
  assert.ok(second.pods.has("p1"));
  assert.ok(first.pods.has("p1"));
});

test("a second watch waits for an unavailable runtime, as the first one does", async (t) => {
  const pods: (typeof pod)[] = [];
  let failed = 0;
  let isUnavailable = false;
  const listing = () => {
    if (!isUnavailable) return;
    failed++;
    throw new CriError({
      code: "unavailable",
      reason: "connection_refused",
      rawMessage: "connection refused",
    });
  };
  const { events } = stub(noEvents, { pods: () => pods, listing });
  cleanup(t, () => events.close());
  const first = await soon(events.watch());
  isUnavailable = true;
  await soon(first.waitFor(({ connection }) => !connection.connected));
  let ready: NodeWatch | undefined;
  const second = events.watch().then((node) => {
    ready = node;
    return node;
  });
  const before = failed;
  await until(() => failed >= before + 3, "a few attempts");
  assert.equal(ready, undefined);
  // A wait that timed out leaves nothing behind.
  await assert.rejects(soon(events.watch({ timeoutMs: 20 })), (error) => {
    assert.ok(isCriError(error) && error.reason === "deadline");
    return isCriError(error.cause) && error.cause.reason === "connection_refused";
  });
  pods.push(pod);
  isUnavailable = false;
  const node = await soon(second);
  assert.deepEqual([...node.pods.keys()], ["p1"]);
  assert.equal(node.connection.connected, true);
});

test("a predicate that returns a promise is refused, and does not compile", async (t) => {
  const { cri } = await withEvents(t);
  await using node = await cri.watchNode();
  // @ts-expect-error an async predicate
  const later = node.waitFor(async () => false);
  await assert.rejects(soon(later), { reason: "invalid_option" });
  // @ts-expect-error a predicate that returns a rejected promise
  const failing = node.waitFor(() => Promise.reject(new Error("not reported")));
  await assert.rejects(soon(failing), { reason: "invalid_option" });
  // The result type is inferred from a synchronous predicate.
  const size: number = await soon(node.waitFor(({ pods }) => pods.size + 1));
  const text: "yes" = await soon(node.waitFor(() => (node.pods.size === 0 ? "yes" : undefined)));
  assert.deepEqual([size, text], [1, "yes"]);
});

test("an invalid timeoutMs is refused", async (t) => {
  const { cri } = await withEvents(t);
  await using node = await cri.watchNode({ timeoutMs: Number.POSITIVE_INFINITY });
  for (const timeoutMs of [Number.NaN, -1]) {
    await assert.rejects(soon(node.waitFor(() => false, { timeoutMs })), { reason: "invalid_option" });
    await assert.rejects(soon(cri.watchNode({ timeoutMs })), { reason: "invalid_option" });
  }
});

test("a deadline has the error of the connection as its cause", async (t) => {
  const unavailable = connect.lazy(`unix://${await tempFolder(t)}/none.sock`);
  cleanup(t, () => unavailable.close());
  await assert.rejects(soon(unavailable.watchNode({ timeoutMs: 2_000 })), (error) => {
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
