import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { connect, type UsageSample } from "../../src/index.js";
import { assertNoListeners } from "../support/leaks.js";
import { tempFolder } from "../support/temp.js";
import { until, within } from "../support/waiting.js";
import { failure } from "../testing/embedded/support.js";
import { node } from "./support.js";

const next = (samples: AsyncIterator<UsageSample>) =>
  within(5_000, samples.next(), "the next sample").then(({ value }) => value as UsageSample);

test("each sample has the rates since the one before it", async (t) => {
  const { cri, clock, use, startPod } = await node(t);
  const { containerId } = await startPod("web");
  const samples = cri.stats.watch({ intervalMs: 5 })[Symbol.asyncIterator]();
  await next(samples);
  for (const cores of [1, 3, 0]) {
    const used = (await cri.stats.container(containerId)).cpu?.usageNanos ?? 0n;
    use({ cpuNanos: used + BigInt(cores) * 1_000_000_000n });
    await clock.advance(1_000);
    const { containers, pods, error, failed } = await next(samples);
    assert.deepEqual([error, failed], [undefined, []]);
    for (const cpu of [containers[0]?.cpu, pods[0]?.cpu, pods[0]?.containers[0]?.cpu])
      assert.ok(Math.abs((cpu?.cores ?? -1) - cores) < 0.001, `${cpu?.cores} instead of ${cores}`);
  }
  await samples.return?.();
});

test("what is not wanted is not asked for", async (t) => {
  const { cri, runtime, startPod } = await node(t, {}, { like: "containerd-2.1" });
  await startPod("web", { app: "web" });
  await startPod("db");
  for await (const { pods, containers } of cri.stats.watch({
    containers: { labels: { app: "web" } },
    pods: false,
  })) {
    assert.deepEqual([containers.map(({ podName }) => podName), pods], [["web"], []]);
    break;
  }
  assert.equal(runtime.calls.of("listPodSandboxStats").length, 0);
  for await (const { pods, containers } of cri.stats.watch({
    containers: false,
    pods: { labels: { app: "web" } },
  })) {
    assert.deepEqual([pods.map(({ name }) => name), containers], [["web"], []]);
    break;
  }
  assert.equal(runtime.calls.of("listContainerStats").length, 1);
});

test("a slow sample is waited for, and no two are under way at a time", async (t) => {
  let [atOnce, most, calls] = [0, 0, 0];
  const { cri } = await node(
    t,
    {
      async listContainerStats() {
        calls++;
        most = Math.max(most, ++atOnce);
        await pause(30);
        atOnce--;
        return {};
      },
    },
    { like: "containerd-2.1" },
  );
  let seen = 0;
  for await (const _ of cri.stats.watch({ intervalMs: 1, pods: false })) if (++seen === 4) break;
  assert.deepEqual([most, calls, atOnce], [1, 4, 0]);
});

test("nobody asks between two samples that nobody takes", async (t) => {
  const { cri, runtime } = await node(t, {}, { like: "containerd-2.1" });
  const samples = cri.stats.watch({ intervalMs: 1, pods: false })[Symbol.asyncIterator]();
  await next(samples);
  await pause(30);
  assert.equal(runtime.calls.of("listContainerStats").length, 1);
  await samples.return?.();
});

test("a sample during which the runtime was away says so, and the rates go on after it", async (t) => {
  const { cri, runtime, clock, use, startPod } = await node(t);
  const { containerId } = await startPod("web");
  const samples = cri.stats.watch({ intervalMs: 5 })[Symbol.asyncIterator]();
  const first = await next(samples);
  const text = "server is not initialized yet";
  runtime.faults.failNext("streamContainerStats", { code: "unavailable", text }, { times: 3 });
  const away = await next(samples);
  assert.equal(away.error?.reason, "runtime_starting");
  assert.deepEqual([away.containers, away.pods, away.failed], [[], [], []]);
  use({ cpuNanos: (first.containers[0]?.cpu?.usageNanos ?? 0n) + 500_000_000n });
  await clock.advance(1_000);
  const { containers, error } = await next(samples);
  assert.equal(error, undefined);
  assert.equal(containers[0]?.id, containerId);
  assert.ok(Math.abs((containers[0]?.cpu?.cores ?? 0) - 0.5) < 0.001);
  await samples.return?.();
});

test("a restart of the runtime does not end the loop", async (t) => {
  const { runtime, startPod } = await node(t);
  await startPod("web");
  const direct = connect.through(runtime);
  const seen: (string | undefined)[] = [];
  for await (const { error, containers } of direct.stats.watch({ intervalMs: 5, timeoutMs: 50 })) {
    seen.push(error ? error.code : `${containers.length}`);
    if (seen.length === 1) await runtime.faults.crash();
    if (seen.length === 2) await runtime.faults.restart();
    if (seen.length === 3) break;
  }
  await direct.close();
  assert.deepEqual(seen, ["1", "unavailable", "1"]);
});

test("the signal ends it while it waits and while it reads; leaving ends what it reads", async (t) => {
  const hang = (signal: AbortSignal) =>
    new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  let slow = false;
  let ended = 0;
  const { cri } = await node(
    t,
    {
      listContainerStats: async (_, { signal }) => {
        if (!slow) return {};
        return hang(signal).finally(() => ended++);
      },
    },
    { like: "containerd-2.1" },
  );
  for (const reads of [false, true]) {
    slow = false;
    const stop = new AbortController();
    const options = { intervalMs: reads ? 1 : 60_000, pods: false, signal: stop.signal } as const;
    const samples = cri.stats.watch(options)[Symbol.asyncIterator]();
    await next(samples);
    slow = reads;
    const waiting = failure(samples.next());
    await pause(20);
    stop.abort();
    assert.equal((await waiting).reason, "aborted_by_caller");
    assertNoListeners(stop.signal);
  }
  // Leaving while a sample is read ends its calls on the runtime.
  const left = cri.stats.watch({ pods: false })[Symbol.asyncIterator]();
  const waiting = left.next();
  await pause(20);
  await left.return?.();
  assert.equal((await within(5_000, waiting)).done, true);
  await until(() => ended === 2, "the runtime hears of it");
});

test("closing the client ends it", async (t) => {
  const socket = join(await tempFolder(t), "cri.sock");
  const { runtime } = await node(t, {}, { socket });
  const cri = await connect(socket);
  runtime.faults.delay("streamContainerStats", 60_000);
  const waiting = failure(cri.stats.watch({ pods: false })[Symbol.asyncIterator]().next());
  await until(() => runtime.calls.of("streamContainerStats").length === 1, "it reads");
  await cri.close();
  assert.equal((await waiting).reason, "client_closed");
});
