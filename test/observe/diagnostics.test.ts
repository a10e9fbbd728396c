import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { tracingChannel } from "node:diagnostics_channel";
import { type TestContext, test } from "node:test";
import { inspect } from "node:util";
import type { RpcDiagnostics } from "../../src/observe.js";
import { cleanup } from "../support/cleanup.js";
import { failure } from "../support/failure.js";
import { until, within } from "../support/waiting.js";
import { inMemory, onSocket, podConfig, secret, through } from "./support.js";

const channel = tracingChannel<unknown, RpcDiagnostics>("cri-sdk:rpc");
const kinds = ["start", "end", "asyncStart", "asyncEnd", "error"] as const;

interface PublishedEvent {
  readonly kind: (typeof kinds)[number];
  readonly call: RpcDiagnostics;
  /** The properties at the time of the event. */
  readonly text: string;
}

/** Collects all events until the end of the test. */
function listen(t: TestContext): PublishedEvent[] {
  const published: PublishedEvent[] = [];
  for (const kind of kinds) {
    // Node's declaration of a subscriber does not know the type of the published message.
    const subscriber = (message: unknown) => {
      const call = message as RpcDiagnostics;
      published.push({
        kind,
        call,
        text: `${kind} ${call.method} ${call.end} ${call.attempts} ${call.messages}`,
      });
    };
    channel[kind].subscribe(subscriber);
    cleanup(t, () => channel[kind].unsubscribe(subscriber));
  }
  return published;
}

test("a unary call publishes the events of Node's traced promises, with one object per call", async (t) => {
  const cri = await inMemory(t);
  const published = listen(t);
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: podConfig() });
  assert.deepEqual(
    published.map(({ text }) => text),
    [
      "start RunPodSandbox undefined 0 0",
      "end RunPodSandbox undefined 1 0",
      "asyncStart RunPodSandbox complete 1 1",
      "asyncEnd RunPodSandbox complete 1 1",
    ],
  );
  assert.equal(new Set(published.map(({ call }) => call)).size, 1);
  const call = published[0]?.call;
  assert.ok(call);
  const { service, endpoint, stream, request, result, error, durationMs } = call;
  assert.deepEqual([service, endpoint, stream], ["runtime.v1.RuntimeService", "custom transport", false]);
  assert.deepEqual([request, result, error], [{ config: podConfig() }, { podSandboxId }, undefined]);
  assert.ok(durationMs > 0);
  assert.equal(call.durationMs, durationMs, "the time stands still when the call is over");
});

test("errors are those of the caller, and refusals of the preflight are published, too", async (t) => {
  const { cri, socket } = await onSocket(t);
  const published = listen(t);
  const missing = await failure(cri.runtime.containerStatus({ containerId: "0".repeat(64) }));
  assert.deepEqual(
    published.map(({ text }) => text),
    [
      "start ContainerStatus undefined 0 0",
      "end ContainerStatus undefined 1 0",
      "error ContainerStatus failed 1 0",
      "asyncStart ContainerStatus failed 1 0",
      "asyncEnd ContainerStatus failed 1 0",
    ],
  );
  assert.equal(published[0]?.call.error, missing);
  assert.deepEqual([missing.reason, published[0]?.call.endpoint], ["object_missing", `unix://${socket}`]);
  published.length = 0;
  const refused = await failure(cri.runtime.createContainer({ podSandboxId: "a" }));
  assert.deepEqual(
    [refused.reason, published.at(-1)?.text],
    ["invalid_request", "asyncEnd CreateContainer failed 0 0"],
  );
});

test("retries are counted as attempts of one call", async (t) => {
  const { cri, runtime } = await onSocket(t);
  const published = listen(t);
  runtime.faults.failNext(
    "status",
    { code: "unavailable", message: "server is not initialized yet" },
    { times: 2 },
  );
  await cri.runtime.status();
  assert.deepEqual([published.length, published.at(-1)?.text], [4, "asyncEnd Status complete 3 1"]);
});

test("no secret is visible in an event, however it is inspected", async (t) => {
  const cri = through(t, { image: { pullImage: () => ({ imageRef: "x" }) } });
  const published = listen(t);
  await cri.image.pullImage({ image: { image: "busybox" }, auth: { password: secret } });
  const call = published[0]?.call;
  assert.deepEqual(call?.request, { image: { image: "busybox" }, auth: { password: "[redacted]" } });
  for (const text of [JSON.stringify(call), inspect(call, { depth: 9, showHidden: true, getters: true })])
    assert.ok(!text.includes(secret), text);
});

test("a stream publishes its start and its end once: stopped, complete, aborted", async (t) => {
  const cri = await inMemory(t);
  const published = listen(t);
  const events = cri.runtime.getContainerEvents();
  assert.equal(published.length, 0, "nothing is published before the first read");
  const first = events.next();
  await until(() => published.length >= 2, "the stream has started");
  assert.equal(published.at(-1)?.text, "end GetContainerEvents undefined 1 0");
  await cri.runtime.runPodSandbox({ config: podConfig() });
  await first;
  published.length = 0;
  await events.return?.();
  assert.deepEqual(texts(published), [
    "asyncStart GetContainerEvents stopped 1 1",
    "asyncEnd GetContainerEvents stopped 1 1",
  ]);

  published.length = 0;
  await cri.lists.podSandboxes().collect();
  assert.deepEqual(texts(published), [
    "start StreamPodSandboxes undefined 1 0",
    "end StreamPodSandboxes undefined 1 0",
    "asyncStart StreamPodSandboxes complete 1 1",
    "asyncEnd StreamPodSandboxes complete 1 1",
  ]);

  published.length = 0;
  const stop = new AbortController();
  const aborted = failure(cri.runtime.getContainerEvents({}, { signal: stop.signal }).next());
  await until(() => published.length >= 2, "the stream has started");
  stop.abort();
  const error = await aborted;
  assert.equal(error.reason, "aborted_by_caller");
  assert.deepEqual(texts(published).slice(2), [
    "error GetContainerEvents failed 1 0",
    "asyncStart GetContainerEvents failed 1 0",
    "asyncEnd GetContainerEvents failed 1 0",
  ]);
  assert.equal(published[2]?.call.error, error);
});

test("a stream that its consumer stops during a pending read is stopped, not failed", async (t) => {
  const cri = await inMemory(t);
  const published = listen(t);
  const events = cri.runtime.getContainerEvents();
  const waiting = events.next();
  await until(() => published.length >= 2, "the stream has started");
  await events.return?.();
  assert.equal((await within(5_000, waiting)).done, true);
  await until(() => published.length >= 4, "the end was published");
  assert.deepEqual(texts(published).slice(2), [
    "asyncStart GetContainerEvents stopped 1 0",
    "asyncEnd GetContainerEvents stopped 1 0",
  ]);
});

test("stores that are bound to the start are available during the call", async (t) => {
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

test("a call that started before the first subscription publishes nothing", async (t) => {
  let release: (() => void) | undefined;
  const answer = { version: "0.1.0", runtimeName: "x", runtimeVersion: "1", runtimeApiVersion: "v1" };
  const version = () =>
    new Promise<typeof answer>((resolve) => {
      release = () => resolve(answer);
    });
  const cri = through(t, { runtime: { version } });
  const call = cri.runtime.version();
  await until(() => release !== undefined, "the call is in flight");
  const published = listen(t);
  release?.();
  await call;
  assert.equal(published.length, 0);
});

const texts = (published: readonly PublishedEvent[]) => published.map(({ text }) => text);
