import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { connect } from "../../src/index.js";
import type { UsageSample } from "../../src/observe.js";
import { failure } from "../support/failure.js";
import { assertNoListeners } from "../support/leaks.js";
import { node } from "../support/stats-node.js";
import { tempFolder } from "../support/temp.js";
import { until, within } from "../support/waiting.js";

const next = (samples: AsyncIterator<UsageSample>) =>
  within(30_000, samples.next(), "the next sample").then(({ value }) => value as UsageSample);

test("each sample has the rates since the previous one", async (t) => {
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

test("watch() applies its filters, and makes no calls for a kind that is false", async (t) => {
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

test("samples never overlap, even if they are slow", async (t) => {
  let [inFlight, most, calls] = [0, 0, 0];
  const { cri } = await node(
    t,
    {
      async listContainerStats() {
        calls++;
        most = Math.max(most, ++inFlight);
        await pause(30);
        inFlight--;
        return {};
      },
    },
    { like: "containerd-2.1" },
  );
  let seen = 0;
  for await (const _ of cri.stats.watch({ intervalMs: 1, pods: false })) if (++seen === 4) break;
  assert.deepEqual([most, calls, inFlight], [1, 4, 0]);
});

test("without a consumer, watch() makes no calls", async (t) => {
  const { cri, runtime } = await node(t, {}, { like: "containerd-2.1" });
  const samples = cri.stats.watch({ intervalMs: 1, pods: false })[Symbol.asyncIterator]();
  await next(samples);
  await pause(30);
  assert.equal(runtime.calls.of("listContainerStats").length, 1);
  await samples.return?.();
});

test("a sample of an unavailable runtime has an error, and the rates continue afterwards", async (t) => {
  const { cri, runtime, clock, use, startPod } = await node(t);
  const { containerId } = await startPod("web");
  const samples = cri.stats.watch({ intervalMs: 5 })[Symbol.asyncIterator]();
  const first = await next(samples);
  const message = "server is not initialized yet";
  runtime.faults.failNext("streamContainerStats", { code: "unavailable", message }, { times: 3 });
  const failed = await next(samples);
  assert.equal(failed.error?.reason, "runtime_starting");
  assert.deepEqual([failed.containers, failed.pods, failed.failed], [[], [], []]);
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
  for await (const { error, containers } of direct.stats.watch({ intervalMs: 5, timeoutMs: 2_000 })) {
    seen.push(error ? error.code : `${containers.length}`);
    if (seen.length === 1) await runtime.faults.crash();
    if (seen.length === 2) await runtime.faults.restart();
    if (seen.length === 3) break;
  }
  await direct.close();
  assert.deepEqual(seen, ["1", "unavailable", "1"]);
});

test("a signal ends watch() between samples and during one; leaving the loop cancels the calls in flight", async (t) => {
  const hang = (signal: AbortSignal) =>
    new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  let slow = false;
  let started = 0;
  let ended = 0;
  const { cri } = await node(
    t,
    {
      listContainerStats: async (_, { signal }) => {
        if (!slow) return {};
        started++;
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
    if (reads) await until(() => started === 1, "the call on the runtime");
    else await pause(20);
    stop.abort();
    assert.equal((await waiting).reason, "aborted_by_caller");
    assertNoListeners(stop.signal);
  }
  // Leaving the loop during a sample cancels its calls on the runtime.
  const abandoned = cri.stats.watch({ pods: false })[Symbol.asyncIterator]();
  const waiting = abandoned.next();
  await until(() => started === 2, "the call on the runtime");
  await abandoned.return?.();
  assert.equal((await within(5_000, waiting)).done, true);
  await until(() => ended === 2, "the cancellation on the runtime");
});

test("closing the client ends watch()", async (t) => {
  const socket = join(await tempFolder(t), "cri.sock");
  const { runtime } = await node(t, {}, { socket });
  const cri = await connect(socket);
  runtime.faults.delay("streamContainerStats", 60_000);
  const waiting = failure(cri.stats.watch({ pods: false })[Symbol.asyncIterator]().next());
  await until(() => runtime.calls.of("streamContainerStats").length === 1, "a call in flight");
  await cri.close();
  assert.equal((await waiting).reason, "client_closed");
});
