import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { Code } from "@connectrpc/connect";
import { type Cri, connect } from "../../src/index.js";
import { policy, type RpcName } from "../../src/transport.js";
import { failure } from "../support/failure.js";
import { assertNoListeners } from "../support/leaks.js";
import { type SeenCall, scripted } from "../support/scripted-transport.js";
import { until, within } from "../support/waiting.js";
import { atOnce, lost, runtimeError } from "./support.js";

const retry = { attempts: 3, backoff: atOnce };

/** A runtime whose first calls fail, with a client that retries without delay. */
function failing(times: number, error: () => Error, more: object = {}) {
  const transport = scripted((_, nth) => {
    if (nth <= times) throw error();
  });
  return { transport, cri: connect.through({ transport, retry, preflight: false, ...more }) };
}

test("a safe call is retried when the connection was lost or the runtime is starting", async () => {
  for (const error of [
    () => lost("connection_lost"),
    () => lost("goaway"),
    () => lost("stream_reset"),
    () => runtimeError(Code.Unavailable, "server is not initialized yet"),
    () => runtimeError(Code.Unknown, "server is not initialized yet"),
  ]) {
    const { transport, cri } = failing(2, error);
    await cri.runtime.listContainers();
    assert.equal(transport.calls.length, 3);
    const dead = failing(99, error);
    const last = await failure(dead.cri.runtime.listContainers());
    assert.equal(last.code, "unavailable");
    assert.equal(last.method, "ListContainers");
    assert.equal(dead.transport.calls.length, 3, "attempts counts the first one");
  }
});

test("any other failure rejects at once", async () => {
  for (const error of [
    // The transport has already retried failures to connect.
    () => lost("socket_missing"),
    () => lost("connection_refused"),
    () => runtimeError(Code.Unavailable, "overloaded"),
    () => runtimeError(Code.Internal, "no"),
    () => runtimeError(Code.ResourceExhausted, "no"),
    () => runtimeError(Code.DeadlineExceeded, "context deadline exceeded"),
    () => runtimeError(Code.Aborted, "no"),
    () => new TypeError("a bug"),
  ]) {
    const { transport, cri } = failing(1, error);
    await failure(cri.runtime.listContainers());
    assert.equal(transport.calls.length, 1);
  }
});

test("the table of RPCs decides which unary RPCs are retried", async () => {
  const transport = scripted(() => {
    throw lost();
  });
  const streaming = /^stream|^getContainerEvents$/;
  for (const name of Object.keys(policy) as RpcName[]) {
    if (streaming.test(name)) continue;
    const { runtime, image } = connect.through({ transport, retry, preflight: false });
    const rpcs = { ...runtime, ...image } as unknown as Record<
      RpcName,
      (request: object) => Promise<unknown>
    >;
    const before = transport.calls.length;
    await failure(rpcs[name]({}), "connection_lost");
    assert.equal(transport.calls.length - before, policy[name].retry === "safe" ? 3 : 1, name);
  }
});

test("attempts: 1 disables retries, and an invalid number is invalid_option", async () => {
  const { transport, cri } = failing(1, lost, { retry: { attempts: 1 } });
  await failure(cri.runtime.version(), "connection_lost");
  assert.equal(transport.calls.length, 1);
  for (const attempts of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])
    assert.throws(() => connect.through({ transport, retry: { attempts } }), {
      reason: "invalid_option",
      message: /retry\.attempts/,
    });
  assert.throws(() => connect.through({ transport, retry: { backoff: { firstMs: -1 } } }), {
    reason: "invalid_option",
  });
});

/** Returns the number of calls made for one request. */
async function attemptsOf(cri: Cri, calls: readonly SeenCall[]): Promise<number> {
  const before = calls.length;
  await cri.runtime.listContainers().catch(() => undefined);
  return calls.length - before;
}

test("the budget stops retries while a runtime keeps failing, and recovers", async () => {
  let down = true;
  const transport = scripted(() => {
    if (down) throw runtimeError(Code.Unavailable, "server is not initialized yet");
  });
  const cri = connect.through({ transport, retry });
  const counts: number[] = [];
  for (let n = 0; n < 20; n++) counts.push(await attemptsOf(cri, transport.calls));
  assert.equal(counts[0], 3);
  assert.deepEqual(counts.slice(5), Array(15).fill(1), "the budget did not run out");
  down = false;
  for (let n = 0; n < 20; n++) await cri.runtime.listContainers();
  down = true;
  assert.equal(await attemptsOf(cri, transport.calls), 1, "twenty successes are too few");
  down = false;
  for (let n = 0; n < 100; n++) await cri.runtime.listContainers();
  down = true;
  assert.equal(await attemptsOf(cri, transport.calls), 3);
  // Every client has its own budget.
  assert.equal(await attemptsOf(connect.through({ transport, retry }), transport.calls), 3);
});

test("all calls that a lost connection failed are retried", async () => {
  let gone = 20;
  const transport = scripted(async () => {
    await pause(5);
    if (gone-- > 0) throw lost();
  });
  const { runtime } = connect.through({ transport, retry });
  await Promise.all(Array.from({ length: 20 }, () => runtime.listContainers()));
  assert.equal(transport.calls.length, 40);
});

test("the deadline covers all attempts", async () => {
  const transport = scripted(async (_, nth) => {
    await pause(20);
    if (nth <= 2) throw lost();
  });
  const { runtime } = connect.through({ transport, retry });
  await runtime.listContainers({}, { timeoutMs: 60_000 });
  const [first = 0, second = 0, third = 0] = transport.calls.map(({ timeoutMs }) => timeoutMs);
  assert.equal(first, 60_000);
  assert.ok(second <= first - 15 && third <= second - 15 && third > 0, `${first}, ${second}, ${third}`);
});

test("if the delay would outlast the deadline, the call rejects at once", async () => {
  const slow = { attempts: 3, backoff: { firstMs: 60_000, maxMs: 60_000, jitter: 0 } };
  const { transport, cri } = failing(1, lost, { retry: slow });
  await within(5_000, failure(cri.runtime.listContainers({}, { timeoutMs: 30_000 }), "connection_lost"));
  await within(
    5_000,
    failure(cri.lists.containers({}, { timeoutMs: 30_000 }).collect()).catch(() => 0),
  );
  assert.ok(transport.calls.length >= 1);
});

test("an abort during the delay ends the call at once, and leaves no listener", async () => {
  const slow = { attempts: 3, backoff: { firstMs: 60_000, maxMs: 60_000 } };
  for (const start of [
    (cri: Cri, signal: AbortSignal) => cri.runtime.listContainers({}, { signal, timeoutMs: 0 }),
    (cri: Cri, signal: AbortSignal) => cri.lists.containers({}, { signal, timeoutMs: 0 }).collect(),
  ]) {
    const { transport, cri } = failing(99, lost, { retry: slow });
    const why = new Error("enough");
    const stop = new AbortController();
    const call = start(cri, stop.signal);
    await until(() => transport.calls.length === 1, "the first attempt");
    setImmediate(() => stop.abort(why));
    const error = await within(5_000, failure(call, "aborted_by_caller"));
    assert.deepEqual([error.code, error.cause, error.endpoint], ["canceled", why, "custom transport"]);
    assert.ok(error.method);
    assertNoListeners(stop.signal);
    assert.equal(transport.calls.length, 1);
  }
});

test("a stream is not retried, because its consumer would see messages twice", async () => {
  const { transport, cri } = failing(1, lost);
  await failure(cri.runtime.streamContainers().next(), "connection_lost");
  assert.equal(transport.calls.length, 1);
});
