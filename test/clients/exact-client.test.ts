import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { createRouterTransport } from "@connectrpc/connect";
import { connect } from "../../src/index.js";
import { ImageService, RuntimeService } from "../../src/v1.js";
import { failure } from "../support/failure.js";
import { scripted } from "../support/scripted-transport.js";
import { until, within } from "../support/waiting.js";
import { idOf } from "./support.js";

test("the two clients have exactly the RPCs of the two services, and are frozen", () => {
  const cri = connect.through(scripted());
  const names = (service: typeof RuntimeService | typeof ImageService) =>
    service.methods.map(({ localName }) => localName).sort();
  assert.deepEqual(Object.keys(cri.runtime).sort(), names(RuntimeService));
  assert.deepEqual(Object.keys(cri.image).sort(), names(ImageService));
  assert.equal(Object.keys(cri.runtime).length + Object.keys(cri.image).length, 43);
  for (const client of [cri.runtime, cri.image]) {
    assert.ok(Object.isFrozen(client));
    for (const rpc of Object.values(client)) assert.equal(typeof rpc, "function");
  }
});

test("each function calls its own RPC with the request", async () => {
  const transport = scripted();
  const { runtime, image } = connect.through({ transport, normalize: false, preflight: false });
  for (const client of [runtime, image])
    for (const [name, rpc] of Object.entries(client)) {
      const result = (rpc as (request: object) => unknown)({});
      if (result instanceof Promise) await result;
      else for await (const _ of result as AsyncIterable<unknown>);
      assert.equal(transport.calls.at(-1)?.name, name);
    }
  assert.equal(transport.calls.length, 43);
  await runtime.podSandboxStatus({ podSandboxId: "ab", verbose: true });
  const { podSandboxId, verbose } = (transport.calls.at(-1)?.message ?? {}) as Record<string, unknown>;
  assert.deepEqual({ podSandboxId, verbose }, { podSandboxId: "ab", verbose: true });
});

test("a request may be omitted if an empty one is complete", async () => {
  const { runtime, image } = connect.through({ transport: scripted(), normalize: false });
  await runtime.version();
  await runtime.status();
  await runtime.listContainers();
  await runtime.listPodSandbox(undefined, { timeoutMs: 5 });
  await image.listImages();
  await image.imageFsInfo();
  for await (const _ of runtime.getContainerEvents());
});

test("headers of the call reach the transport, both as an object and as pairs", async () => {
  const transport = scripted();
  const { runtime } = connect.through({ transport, normalize: false });
  for (const headers of [{ a: "1" }, [["a", "1"]] as const, new Map([["a", "1"]]), new Headers({ a: "1" })]) {
    await runtime.version({}, { headers });
    assert.equal(new Headers(transport.calls.at(-1)?.header).get("a"), "1");
  }
});

/** An in-memory runtime whose event stream never ends by itself. */
function endless() {
  const seen = { opened: 0, aborted: 0 };
  const transport = createRouterTransport(({ service }) => {
    service(RuntimeService, {
      async *getContainerEvents(_, { signal }) {
        seen.opened++;
        signal.addEventListener("abort", () => seen.aborted++);
        yield { containerId: idOf("a") };
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
      },
      version: (_, { signal }) =>
        new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    });
  });
  return { seen, runtime: connect.through(transport).runtime };
}

test("leaving the loop cancels the call on the server", async () => {
  const { seen, runtime } = endless();
  for await (const { containerId } of runtime.getContainerEvents()) {
    assert.equal(containerId, idOf("a"));
    assert.equal(seen.aborted, 0);
    break;
  }
  await until(() => seen.aborted === 1, "the handler was canceled by the break");
});

test("await using ends a stream, also during a pending read; the call starts with the first read", async () => {
  const { seen, runtime } = endless();
  {
    await using unread = runtime.getContainerEvents();
    assert.ok(unread[Symbol.asyncIterator]);
  }
  assert.equal(seen.opened, 0);
  let waiting: Promise<unknown> | undefined;
  {
    await using events = runtime.getContainerEvents();
    await events.next();
    waiting = events.next();
  }
  assert.deepEqual(await within(5_000, waiting), { done: true, value: undefined });
  await until(() => seen.aborted === 1, "the handler was canceled");
});

test("an abort rejects with aborted_by_caller and its reason, a timeout with deadline, on any transport", async () => {
  const { runtime } = endless();
  for (const start of [
    // Without a deadline, because Connect's in-memory transport leaves a timer behind after an abort.
    (signal: AbortSignal) => runtime.version({}, { signal, timeoutMs: 0 }),
    async (signal: AbortSignal) => {
      for await (const _ of runtime.getContainerEvents({}, { signal }));
    },
  ]) {
    const why = new Error("no longer needed");
    const stop = new AbortController();
    const call = start(stop.signal);
    setImmediate(() => stop.abort(why));
    const error = await failure(call, "aborted_by_caller");
    assert.equal(error.code, "canceled");
    assert.equal(error.cause, why);
    assert.ok(error.method);
    assert.equal(error.endpoint, "custom transport");
    assert.equal(getEventListeners(stop.signal, "abort").length, 0);
    await failure(start(AbortSignal.timeout(5)), "deadline");
    assert.equal((await failure(start(AbortSignal.abort(why)), "aborted_by_caller")).cause, why);
  }
  assert.equal((await failure(runtime.version({}, { timeoutMs: 5 }), "deadline")).code, "deadline_exceeded");
});
