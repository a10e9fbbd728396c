import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Cri, NodeChange } from "../../src/index.js";
import { cleanup } from "../support/cleanup.js";
import { start } from "../support/embedded.js";
import { assertNoListeners } from "../support/leaks.js";
import { SeededRandom } from "../support/random.js";
import { until } from "../support/waiting.js";
import { assertMonotone, inStep, record, soon, withEvents } from "./support.js";

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

test("the watch finds objects by id, pod, label, image and state", async (t) => {
  const { cri } = await withEvents(t);
  const { podSandboxId, containerId, config } = await start(cri, ["run"], "a");
  await using node = await cri.watchNode({ timeoutMs: 5_000 });
  assert.deepEqual(node.connection, { connected: true, by: "events", error: undefined });
  const { containerId: second } = await cri.runtime.createContainer({
    podSandboxId,
    config: {
      metadata: { name: "d", attempt: 2 },
      image: { image: "busybox:1.37" },
      command: ["exit", "5"],
      labels: { tier: "web" },
    },
    sandboxConfig: config,
  });
  await node.waitFor(({ containers }) => containers.get(second)?.state === "created");
  assert.deepEqual(
    node.containersByState("created").map(({ id, name, attempt }) => [id, name, attempt]),
    [[second, "d", 2]],
  );
  await cri.runtime.startContainer({ containerId: second });
  const exit = await soon(node.waitFor(({ containers }) => containers.get(second)?.exit));
  assert.equal(exit.exitCode, 5);
  const ids = (all: readonly { readonly id: string }[]) => all.map(({ id }) => id).sort();
  assert.deepEqual(ids(node.containersOf(podSandboxId)), [containerId, second].sort());
  assert.deepEqual(ids(node.containersByLabel("tier")), [second]);
  assert.deepEqual(ids(node.containersByLabel("tier", "web")), [second]);
  assert.deepEqual(ids(node.containersByLabel("tier", "db")), []);
  assert.deepEqual(ids(node.containersByState("created")), []);
  assert.deepEqual(ids(node.containersByState("exited")), [second]);
  assert.deepEqual(ids(node.containersByState("running")), [containerId]);
  assert.deepEqual(ids(node.podsByState("ready")), [podSandboxId]);
  const image = node.containers.get(second)?.image ?? "";
  assert.ok(ids(node.containersByImage(image)).includes(second));
  await inStep(cri, node);
  await cri.runtime.removePodSandbox({ podSandboxId });
  await soon(node.waitFor(({ pods, containers }) => pods.size + containers.size === 0));
  assert.deepEqual(
    [node.containersByImage(image), node.podsByState("ready"), node.containersOf(podSandboxId)],
    [[], [], []],
  );
});

test("changes are add, update and delete; a slow reader receives fewer of them", async (t) => {
  const { cri } = await withEvents(t);
  await using node = await cri.watchNode();
  const changes = node.changes();
  const all: NodeChange[] = [];
  const reading = (async () => {
    for await (const change of changes) all.push(change);
  })();
  const slow = node.changes();
  const first = slow.next();
  const { podSandboxId, containerId } = await start(cri, ["exit", "1"]);
  assert.equal((await soon(first)).value?.type, "add");
  await soon(node.waitFor(({ containers }) => containers.get(containerId)?.state === "exited"));
  await cri.runtime.removePodSandbox({ podSandboxId });
  await soon(node.waitFor(({ pods }) => pods.size === 0));
  await until(() => all.at(-1)?.type === "delete" && all.at(-1)?.kind === "pod", "the deletion of the pod");
  const ofContainer = all.filter(({ kind }) => kind === "container");
  assert.deepEqual([ofContainer[0]?.type, ofContainer.at(-1)?.type], ["add", "delete"]);
  for (const [n, change] of ofContainer.entries())
    assert.equal(change.previous, n === 0 ? undefined : ofContainer[n - 1]?.object);
  // The slow reader received the pod before; the container was created and removed unread.
  const rest = await soon(slow.next());
  assert.deepEqual([rest.value?.type, rest.value?.kind, rest.value?.id], ["delete", "pod", podSandboxId]);
  await slow.return?.();
  await changes.return?.();
  await reading;
});

test("waitFor() rejects on abort, deadline, an error of the predicate, and close()", async (t) => {
  const { cri } = await withEvents(t);
  const node = await cri.watchNode();
  const never = () => false;
  const stop = new AbortController();
  const stopped = node.waitFor(never, { signal: stop.signal });
  stop.abort();
  await assert.rejects(soon(stopped), { reason: "aborted_by_caller" });
  assertNoListeners(stop.signal);
  await assert.rejects(soon(node.waitFor(never, { timeoutMs: 20 })), { reason: "deadline" });
  const failing = () => {
    throw new Error("failed");
  };
  await assert.rejects(soon(node.waitFor(failing)), /failed/);
  const [waiting, next] = [node.waitFor(never), node.changes().next()];
  waiting.catch(() => undefined);
  await node.close();
  await node.close();
  await assert.rejects(soon(waiting), { reason: "client_closed" });
  await assert.rejects(soon(next), { reason: "client_closed" });
  await assert.rejects(soon(node.waitFor(never)), { reason: "client_closed" });
  assert.equal(node.connection.connected, false);
  await start(cri, ["run"]);
  assert.equal(node.pods.size, 0);
});

test("watchNode() waits for an unavailable runtime until its deadline", async (t) => {
  const { runtime, cri } = await withEvents(t);
  await start(cri, ["run"]);
  await runtime.faults.crash();
  await assert.rejects(soon(cri.watchNode({ timeoutMs: 100 })), { reason: "deadline" });
  const watching = cri.watchNode({ timeoutMs: 20_000 });
  await runtime.faults.restart();
  await using node = await watching;
  assert.equal(node.pods.size, 1);
  await runtime.faults.crash();
  await soon(node.waitFor(({ connection }) => !connection.connected));
  assert.equal(node.pods.size, 1);
  assert.equal(node.connection.error?.code, "unavailable");
  await runtime.faults.restart();
});

/** Faults between two steps. */
const faults = ["none", "none", "lose events", "crash", "cut", "fail a list"] as const;

for (const like of [undefined, "containerd-1.7", "containerd-2.1", "cri-o"] as const)
  for (const seed of [1, 2, 3])
    test(`random steps and faults: the watch equals the lists (${like ?? "no profile"}, seed ${seed})`, async (t) => {
      const { runtime, cri, events } = await withEvents(t, { like });
      const random = new SeededRandom(seed);
      const pick = <T>(from: readonly T[]): T | undefined => from[random.below(from.length)];
      const recorded = record(t, events, { queueLimit: 100_000 });
      const node = await events.watch();
      cleanup(t, () => node.close());
      const pods: string[] = [];
      const containers: string[] = [];
      for (let step = 0; step < 40; step++) {
        const fault = pick(faults);
        if (fault === "lose events") runtime.faults.dropEvents(random.below(6));
        if (fault === "fail a list") runtime.faults.failNext("listContainers", { code: "internal" });
        if (fault === "cut") runtime.faults.cutConnection("version");
        if (fault === "cut") await cri.runtime.version().catch(() => undefined);
        if (fault === "crash") {
          await runtime.faults.crash();
          await runtime.faults.restart();
        }
        await act(
          cri,
          random.of("start", "start", "stop", "remove", "remove pod"),
          `p${step}`,
          pods,
          containers,
          pick,
        );
      }
      runtime.faults.clear();
      await inStep(cri, node);
      assertMonotone(recorded.all);
      for (const container of node.containers.values())
        assert.equal(recorded.of(container.id).at(-1), container.state === "exited" ? "stopped" : "started");
    });

async function act(
  cri: Cri,
  what: string,
  name: string,
  pods: string[],
  containers: string[],
  pick: <T>(from: readonly T[]) => T | undefined,
): Promise<void> {
  const { runtime } = cri;
  const containerId = pick(containers);
  const podSandboxId = pick(pods);
  if (what === "start") {
    const created = await start(cri, pick([["run"], ["exit", "4"]]) ?? [], name);
    pods.push(created.podSandboxId);
    containers.push(created.containerId);
  } else if (what === "stop" && containerId)
    await runtime.stopContainer({ containerId, timeout: 0n }).catch(expectMissing);
  else if (what === "remove" && containerId) await runtime.removeContainer({ containerId });
  else if (podSandboxId) await runtime.removePodSandbox({ podSandboxId });
}

/** Accepts that the container was removed before. */
function expectMissing(error: unknown): void {
  assert.equal((error as { reason?: string }).reason, "object_missing");
}

test("the heap stays flat over 400 pods that are read and watched", async (t) => {
  const { cri, events } = await withEvents(t, { callLimit: 10 });
  const node = await events.watch();
  cleanup(t, () => node.close());
  const stream = events.read();
  cleanup(t, () => stream.return?.());
  let count = 0;
  void (async () => {
    for await (const _ of stream) count++;
  })();
  const runPods = async (times: number) => {
    for (let n = 0; n < times; n++) {
      const { podSandboxId } = await start(cri, ["exit", "0"]);
      await cri.runtime.removePodSandbox({ podSandboxId });
    }
    await soon(node.waitFor(({ pods }) => pods.size === 0));
    collect();
    return process.memoryUsage().heapUsed / 2 ** 20;
  };
  let before = await runPods(100);
  const growths: number[] = [];
  // A leak grows each time; what is compiled or cached once does not.
  while (growths.length < 3 && growths.every((growth) => growth >= 4)) {
    const after = await runPods(400);
    growths.push(after - before);
    before = after;
  }
  t.diagnostic(`${count} events; heap ${growths.map((growth) => growth.toFixed(2)).join(", ")} MiB more`);
  const total = (100 + 400 * growths.length) * 6;
  await until(() => count >= total, `${total} events`, 10_000);
  assert.ok(
    growths.some((growth) => growth < 4),
    `${growths.join(", ")} MiB more`,
  );
});
