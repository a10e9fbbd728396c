import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { EventFeed, EventHints } from "../../src/events/index.js";
import type { Hints } from "../../src/pods/life/hints.js";
import { waitUntil } from "../../src/pods/life/wait.js";
import { ContainerState } from "../../src/v1.js";
import { assertNoListeners } from "../support/leaks.js";
import { tempFolder } from "../support/temp.js";
import { until, within } from "../support/waiting.js";
import { scripted, start } from "../testing/embedded/support.js";

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

type Options = Parameters<typeof scripted>[1];

async function withHints(t: TestContext, options: Options = {}) {
  const { runtime, cri } = await scripted(t, options);
  const feed = new EventFeed(cri.runtime, { firstMs: 5, maxMs: 20 });
  const hints: Hints = new EventHints(feed);
  return { runtime, cri, feed, hints };
}

/** Waits for the end of a container by hints, and counts the looks. */
function exited({ cri, hints }: Pick<Awaited<ReturnType<typeof withHints>>, "cri" | "hints">, id: string) {
  let looks = 0;
  const done = waitUntil(
    hints,
    [id],
    async (signal) => {
      looks++;
      const { status } = await cri.runtime.containerStatus({ containerId: id }, { signal });
      return status?.state === ContainerState.CONTAINER_EXITED ? { code: status.exitCode, looks } : undefined;
    },
    { timeoutMs: 20_000 },
  );
  return done;
}

const socketOf = async (t: TestContext) => `${await tempFolder(t)}/cri.sock`;

test("an event wakes those who wait for its container or its pod, and nobody else", async (t) => {
  const given = await withHints(t);
  const { podSandboxId, containerId } = await start(given.cri, ["sleep", "1000"]);
  const signal = new AbortController().signal;
  const [ofContainer, ofPod, ofOther] = [containerId, podSandboxId, "other"].map((id) =>
    given.hints.listen([id]),
  );
  assert.ok(ofContainer && ofPod && ofOther);
  assert.equal(ofContainer.live, false);
  // The first hint is that there are events now.
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
  await given.cri.runtime.stopContainer({ containerId, timeout: 0n });
  await within(5_000, all);
  await other;
  assert.deepEqual(woken.sort(), ["container", "pod"]);
  for (const one of [ofContainer, ofPod, ofOther]) one.close();
  await until(() => !given.feed.open, "the stream is closed");
});

test("a wait that has hints looks a few times, and ends with the event", async (t) => {
  const given = await withHints(t);
  const { containerId } = await start(given.cri, ["sleep", "1000"]);
  const done = exited(given, containerId);
  await until(() => given.feed.live, "the stream is there");
  await pause(300);
  await given.cri.runtime.stopContainer({ containerId, timeout: 0n });
  const { looks } = await within(1_500, done, "a wait with hints");
  assert.ok(looks <= 6, `${looks} looks`);
});

test("without events a wait asks more often, and the runtime is asked for events once a minute only", async (t) => {
  const given = await withHints(t);
  const unimplemented = { code: "unimplemented" } as const;
  given.runtime.faults.failNext("getContainerEvents", unimplemented, { times: Number.POSITIVE_INFINITY });
  for (let round = 0; round < 3; round++) {
    const { containerId } = await start(given.cri, ["sleep", "1000"], `p${round}`);
    const done = exited(given, containerId);
    await pause(50);
    await given.cri.runtime.stopContainer({ containerId, timeout: 0n });
    await within(3_000, done, "a wait without hints");
    await pause(300);
  }
  assert.equal(given.feed.live, false);
  assert.equal(given.runtime.calls.of("getContainerEvents").length, 1);
});

test("a wait outlives the daemon, and what happened meanwhile ends it", async (t) => {
  const given = await withHints(t, { socket: await socketOf(t) });
  const { containerId } = await start(given.cri, ["sleep", "1000"]);
  const listening = given.hints.listen([containerId]);
  const { signal } = new AbortController();
  await within(5_000, listening.next(60_000, signal));
  await given.runtime.faults.crash();
  await within(5_000, listening.next(60_000, signal), "the hint that the stream ended");
  assert.equal(listening.live, false);
  await given.runtime.faults.restart();
  await until(() => given.feed.live, "a new stream is there");
  listening.close();
});

test("a signal ends the waiting, and leaves no listener", async (t) => {
  const given = await withHints(t);
  const stop = new AbortController();
  const listening = given.hints.listen(["x"]);
  const waiting = listening.next(60_000, stop.signal).then(() => listening.next(60_000, stop.signal));
  await until(() => given.feed.live, "the stream is there");
  stop.abort(new Error("enough"));
  await assert.rejects(within(5_000, waiting), /enough/);
  assertNoListeners(stop.signal);
  listening.close();
});

test("thousands of waits leave neither memory nor handles, and share few streams", async (t) => {
  const given = await withHints(t, { socket: await socketOf(t) });
  const { containerId } = await start(given.cri, ["sleep", "1000"]);
  const signal = new AbortController().signal;
  const round = async (count: number) => {
    for (let n = 0; n < count; n++) {
      const listening = given.hints.listen([containerId, `pod-${n}`]);
      await listening.next(0, signal);
      listening.close();
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
  assert.ok(given.runtime.calls.of("getContainerEvents").length <= 3);
  await until(() => !given.feed.open, "the stream is closed");
});
