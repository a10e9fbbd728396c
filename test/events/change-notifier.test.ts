import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { ChangeNotifier, EventFeed } from "../../src/events/index.js";
import { waitUntil } from "../../src/pods/lifecycle/wait.js";
import { ContainerState } from "../../src/v1.js";
import { scripted, start } from "../support/embedded.js";
import { assertNoListeners } from "../support/leaks.js";
import { tempFolder } from "../support/temp.js";
import { until, within } from "../support/waiting.js";

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

type Options = Parameters<typeof scripted>[1];

async function withNotifier(t: TestContext, options: Options = {}) {
  const { runtime, cri } = await scripted(t, options);
  const feed = new EventFeed(cri.runtime, { firstMs: 5, maxMs: 20 });
  const changes = new ChangeNotifier(feed);
  return { runtime, cri, feed, changes };
}

/** Waits for the end of a container, and counts the status calls. */
function exited(
  { cri, changes }: Pick<Awaited<ReturnType<typeof withNotifier>>, "cri" | "changes">,
  id: string,
) {
  let calls = 0;
  const done = waitUntil(
    { changes, closing: new AbortController().signal },
    [id],
    async (signal) => {
      calls++;
      const { status } = await cri.runtime.containerStatus({ containerId: id }, { signal });
      return status?.state === ContainerState.CONTAINER_EXITED ? { code: status.exitCode, calls } : undefined;
    },
    { timeoutMs: 20_000 },
  );
  return done;
}

const socketOf = async (t: TestContext) => `${await tempFolder(t)}/cri.sock`;

test("an event notifies the subscribers of its container and its pod, and no others", async (t) => {
  const context = await withNotifier(t);
  const { podSandboxId, containerId } = await start(context.cri, ["sleep", "1000"]);
  const signal = new AbortController().signal;
  const [ofContainer, ofPod, ofOther] = [containerId, podSandboxId, "other"].map((id) =>
    context.changes.subscribe([id]),
  );
  assert.ok(ofContainer && ofPod && ofOther);
  assert.equal(ofContainer.live, false);
  // The first notification: events arrive now.
  await within(5_000, Promise.all([ofContainer, ofPod, ofOther].map((one) => one.next(60_000, signal))));
  assert.equal(ofContainer.live, true);
  const woken: string[] = [];
  const all = Promise.all([
    ofContainer.next(60_000, signal).then(() => woken.push("container")),
    ofPod.next(60_000, signal).then(() => woken.push("pod")),
  ]);
  const other = ofOther.next(60_000, AbortSignal.timeout(200)).then(
    () => woken.push("other"),
    () => undefined,
  );
  await context.cri.runtime.stopContainer({ containerId, timeout: 0n });
  await within(5_000, all);
  await other;
  assert.deepEqual(woken.sort(), ["container", "pod"]);
  for (const one of [ofContainer, ofPod, ofOther]) one.close();
  await until(() => !context.feed.open, "the stream is closed");
});

test("with events, a wait polls rarely and ends with the event", async (t) => {
  const context = await withNotifier(t);
  const { containerId } = await start(context.cri, ["sleep", "1000"]);
  const done = exited(context, containerId);
  await until(() => context.feed.live, "the stream is open");
  await pause(300);
  await context.cri.runtime.stopContainer({ containerId, timeout: 0n });
  const { calls } = await within(1_900, done, "a wait with events");
  assert.ok(calls <= 6, `${calls} status calls`);
});

test("without events, a wait polls more often, and the event stream is retried only once a minute", async (t) => {
  const context = await withNotifier(t);
  const unimplemented = { code: "unimplemented" } as const;
  context.runtime.faults.failNext("getContainerEvents", unimplemented, { times: Number.POSITIVE_INFINITY });
  for (let round = 0; round < 3; round++) {
    const { containerId } = await start(context.cri, ["sleep", "1000"], `p${round}`);
    const done = exited(context, containerId);
    await pause(50);
    await context.cri.runtime.stopContainer({ containerId, timeout: 0n });
    await within(15_000, done, "a wait without events");
    await pause(300);
  }
  assert.equal(context.feed.live, false);
  assert.equal(context.runtime.calls.of("getContainerEvents").length, 1);
});

test("a subscription survives a restart of the daemon", async (t) => {
  const context = await withNotifier(t, { socket: await socketOf(t) });
  const { containerId } = await start(context.cri, ["sleep", "1000"]);
  const subscription = context.changes.subscribe([containerId]);
  const { signal } = new AbortController();
  await within(5_000, subscription.next(60_000, signal));
  await context.runtime.faults.crash();
  await within(5_000, subscription.next(60_000, signal), "the notification that the stream ended");
  assert.equal(subscription.live, false);
  await context.runtime.faults.restart();
  await until(() => context.feed.live, "a new stream is open");
  subscription.close();
});

test("a signal ends a wait and leaves no listener behind", async (t) => {
  const context = await withNotifier(t);
  const stop = new AbortController();
  const subscription = context.changes.subscribe(["x"]);
  const waiting = subscription.next(60_000, stop.signal).then(() => subscription.next(60_000, stop.signal));
  await until(() => context.feed.live, "the stream is open");
  stop.abort(new Error("stop"));
  await assert.rejects(within(5_000, waiting), /stop/);
  assertNoListeners(stop.signal);
  subscription.close();
});

test("thousands of subscriptions leak neither memory nor streams", async (t) => {
  const context = await withNotifier(t, { socket: await socketOf(t) });
  const { containerId } = await start(context.cri, ["sleep", "1000"]);
  const signal = new AbortController().signal;
  const round = async (count: number) => {
    for (let n = 0; n < count; n++) {
      const subscription = context.changes.subscribe([containerId, `pod-${n}`]);
      await subscription.next(0, signal);
      subscription.close();
    }
  };
  const heap = () => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  await round(500);
  const before = heap();
  await round(2_500);
  const grown = heap() - before;
  assert.ok(grown < 1 << 20, `${grown} bytes more`);
  assert.ok(context.runtime.calls.of("getContainerEvents").length <= 3);
  await until(() => !context.feed.open, "the stream is closed");
});
