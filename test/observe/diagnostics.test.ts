import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { tracingChannel } from "node:diagnostics_channel";
import { type TestContext, test } from "node:test";
import { inspect } from "node:util";
import type { RpcDiagnostics } from "../../src/index.js";
import { cleanup } from "../support/cleanup.js";
import { until, within } from "../support/waiting.js";
import { failure } from "../testing/embedded/support.js";
import { inMemory, onSocket, podConfig, secret, through } from "./support.js";

const channel = tracingChannel<unknown, RpcDiagnostics>("cri-sdk:rpc");
const kinds = ["start", "end", "asyncStart", "asyncEnd", "error"] as const;

interface Told {
  readonly kind: (typeof kinds)[number];
  readonly call: RpcDiagnostics;
  /** What was known at that moment. */
  readonly text: string;
}

/** All that is told, until the test is over. */
function listen(t: TestContext): Told[] {
  const told: Told[] = [];
  for (const kind of kinds) {
    // Node's own declaration of a subscriber leaves out that the message is what was published.
    const hear = (message: unknown) => {
      const call = message as RpcDiagnostics;
      told.push({ kind, call, text: `${kind} ${call.method} ${call.end} ${call.attempts} ${call.messages}` });
    };
    channel[kind].subscribe(hear);
    cleanup(t, () => channel[kind].unsubscribe(hear));
  }
  return told;
}

test("a unary call tells as Node's traced promises do, with one object for a call", async (t) => {
  const cri = await inMemory(t);
  const told = listen(t);
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: podConfig() });
  assert.deepEqual(
    told.map(({ text }) => text),
    [
      "start RunPodSandbox undefined 0 0",
      "end RunPodSandbox undefined 1 0",
      "asyncStart RunPodSandbox complete 1 1",
      "asyncEnd RunPodSandbox complete 1 1",
    ],
  );
  assert.equal(new Set(told.map(({ call }) => call)).size, 1);
  const call = told[0]?.call;
  assert.ok(call);
  const { service, endpoint, stream, request, result, error, durationMs } = call;
  assert.deepEqual([service, endpoint, stream], ["runtime.v1.RuntimeService", "custom transport", false]);
  assert.deepEqual([request, result, error], [{ config: podConfig() }, { podSandboxId }, undefined]);
  assert.ok(durationMs > 0);
  assert.equal(call.durationMs, durationMs, "the time stands still when the call is over");
});

test("errors are the caller's own, and preflight's refusals are told, too", async (t) => {
  const { cri, socket } = await onSocket(t);
  const told = listen(t);
  const missing = await failure(cri.runtime.containerStatus({ containerId: "0".repeat(64) }));
  assert.deepEqual(
    told.map(({ text }) => text),
    [
      "start ContainerStatus undefined 0 0",
      "end ContainerStatus undefined 1 0",
      "error ContainerStatus failed 1 0",
      "asyncStart ContainerStatus failed 1 0",
      "asyncEnd ContainerStatus failed 1 0",
    ],
  );
  assert.equal(told[0]?.call.error, missing);
  assert.deepEqual([missing.reason, told[0]?.call.endpoint], ["object_missing", `unix://${socket}`]);
  told.length = 0;
  const refused = await failure(cri.runtime.createContainer({ podSandboxId: "a" }));
  assert.deepEqual(
    [refused.reason, told.at(-1)?.text],
    ["invalid_request", "asyncEnd CreateContainer failed 0 0"],
  );
});

test("repetitions are counted within one call", async (t) => {
  const { cri, runtime } = await onSocket(t);
  const told = listen(t);
  runtime.faults.failNext(
    "status",
    { code: "unavailable", text: "server is not initialized yet" },
    { times: 2 },
  );
  await cri.runtime.status();
  assert.deepEqual([told.length, told.at(-1)?.text], [4, "asyncEnd Status complete 3 1"]);
});

test("no secret is in what is told, however it is looked at", async (t) => {
  const cri = through(t, { image: { pullImage: () => ({ imageRef: "x" }) } });
  const told = listen(t);
  await cri.image.pullImage({ image: { image: "busybox" }, auth: { password: secret } });
  const call = told[0]?.call;
  assert.deepEqual(call?.request, { image: { image: "busybox" }, auth: { password: "[redacted]" } });
  for (const text of [JSON.stringify(call), inspect(call, { depth: 9, showHidden: true, getters: true })])
    assert.ok(!text.includes(secret), text);
});

test("a stream tells of its begin and its end, once each: left, complete, aborted", async (t) => {
  const cri = await inMemory(t);
  const told = listen(t);
  const events = cri.runtime.getContainerEvents();
  assert.equal(told.length, 0, "nothing is told before it is begun");
  const first = events.next();
  await until(() => told.length >= 2, "the stream was begun");
  assert.equal(told.at(-1)?.text, "end GetContainerEvents undefined 1 0");
  await cri.runtime.runPodSandbox({ config: podConfig() });
  await first;
  told.length = 0;
  await events.return?.();
  assert.deepEqual(texts(told), [
    "asyncStart GetContainerEvents left 1 1",
    "asyncEnd GetContainerEvents left 1 1",
  ]);

  told.length = 0;
  await cri.lists.podSandboxes().collect();
  assert.deepEqual(texts(told), [
    "start StreamPodSandboxes undefined 1 0",
    "end StreamPodSandboxes undefined 1 0",
    "asyncStart StreamPodSandboxes complete 1 1",
    "asyncEnd StreamPodSandboxes complete 1 1",
  ]);

  told.length = 0;
  const stop = new AbortController();
  const aborted = failure(cri.runtime.getContainerEvents({}, { signal: stop.signal }).next());
  await until(() => told.length >= 2, "the stream was begun");
  stop.abort();
  const error = await aborted;
  assert.equal(error.reason, "aborted_by_caller");
  assert.deepEqual(texts(told).slice(2), [
    "error GetContainerEvents failed 1 0",
    "asyncStart GetContainerEvents failed 1 0",
    "asyncEnd GetContainerEvents failed 1 0",
  ]);
  assert.equal(told[2]?.call.error, error);
});

test("a stream left while it waits is left, not failed", async (t) => {
  const cri = await inMemory(t);
  const told = listen(t);
  const events = cri.runtime.getContainerEvents();
  const waiting = events.next();
  await until(() => told.length >= 2, "the stream was begun");
  await events.return?.();
  assert.equal((await within(5_000, waiting)).done, true);
  await until(() => told.length >= 4, "the end was told");
  assert.deepEqual(texts(told).slice(2), [
    "asyncStart GetContainerEvents left 1 0",
    "asyncEnd GetContainerEvents left 1 0",
  ]);
});

test("stores that are bound to the start are there while the call runs", async (t) => {
  const store = new AsyncLocalStorage<RpcDiagnostics>();
  const seen: (string | undefined)[] = [];
  const note = () => {
    seen.push(store.getStore()?.method);
    return {};
  };
  const cri = through(t, { runtime: { version: note } }, (next) => (call) => {
    note();
    return next(call);
  });
  channel.start.bindStore(store);
  cleanup(t, () => channel.start.unbindStore(store));
  await cri.runtime.status().catch(() => undefined);
  assert.equal(seen[0], "Status");
  assert.equal(store.getStore(), undefined);
});

test("nobody is told of a call that began before somebody listened", async (t) => {
  let release: (() => void) | undefined;
  const answer = { version: "0.1.0", runtimeName: "x", runtimeVersion: "1", runtimeApiVersion: "v1" };
  const version = () =>
    new Promise<typeof answer>((resolve) => {
      release = () => resolve(answer);
    });
  const cri = through(t, { runtime: { version } });
  const call = cri.runtime.version();
  await until(() => release !== undefined, "the call runs");
  const told = listen(t);
  release?.();
  await call;
  assert.equal(told.length, 0);
});

const texts = (told: readonly Told[]) => told.map(({ text }) => text);
