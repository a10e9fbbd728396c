import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Cri, NodeChange } from "../../src/index.js";
import { cleanup } from "../support/cleanup.js";
import { assertNoListeners } from "../support/leaks.js";
import { SeededRandom } from "../support/random.js";
import { until } from "../support/waiting.js";
import { start } from "../testing/embedded/support.js";
import { assertMonotone, inStep, record, soon, withEvents } from "./support.js";

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

test("the cache knows what there is, by id, pod, label, image and state", async (t) => {
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

test("changes come as add, update and delete; a slow reader is told of fewer steps", async (t) => {
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
  await until(() => all.at(-1)?.type === "delete" && all.at(-1)?.kind === "pod", "the removal of the pod");
  const ofContainer = all.filter(({ kind }) => kind === "container");
  assert.deepEqual([ofContainer[0]?.type, ofContainer.at(-1)?.type], ["add", "delete"]);
  for (const [n, change] of ofContainer.entries())
    assert.equal(change.previous, n === 0 ? undefined : ofContainer[n - 1]?.object);
  // The slow one was given the pod; of the container it never heard.
  const rest = await soon(slow.next());
  assert.deepEqual([rest.value?.type, rest.value?.kind, rest.value?.id], ["delete", "pod", podSandboxId]);
  await slow.return?.();
  await changes.return?.();
  await reading;
});

test("waiting ends with a signal, a deadline, what the predicate throws, and the end of the watch", async (t) => {
  const { cri } = await withEvents(t);
  const node = await cri.watchNode();
  const never = () => false;
  const stop = new AbortController();
  const stopped = node.waitFor(never, { signal: stop.signal });
  stop.abort();
  await assert.rejects(soon(stopped), { reason: "aborted_by_caller" });
  assertNoListeners(stop.signal);
  await assert.rejects(soon(node.waitFor(never, { timeoutMs: 20 })), { reason: "deadline" });
  const wrong = () => {
    throw new Error("wrong");
  };
  await assert.rejects(soon(node.waitFor(wrong)), /wrong/);
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

test("a watch of a runtime that is away waits for it, as long as it may", async (t) => {
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

/** What may go wrong between two steps. */
const troubles = ["none", "none", "lose events", "crash", "cut", "fail a list"] as const;

for (const like of [undefined, "containerd-1.7", "containerd-2.1", "cri-o"] as const)
  for (const seed of [1, 2, 3])
    test(`any life, any trouble: the cache equals the lists (${like ?? "plain"}, seed ${seed})`, async (t) => {
      const { runtime, cri, events } = await withEvents(t, { like });
      const random = new SeededRandom(seed);
      const pick = <T>(from: readonly T[]): T | undefined => from[random.below(from.length)];
      const told = record(t, events, { queueLimit: 100_000 });
      const node = await events.watch();
      cleanup(t, () => node.close());
      const pods: string[] = [];
      const containers: string[] = [];
      for (let step = 0; step < 40; step++) {
        const trouble = pick(troubles);
        if (trouble === "lose events") runtime.faults.dropEvents(random.below(6));
        if (trouble === "fail a list") runtime.faults.failNext("listContainers", { code: "internal" });
        if (trouble === "cut") runtime.faults.cutConnection("version");
        if (trouble === "cut") await cri.runtime.version().catch(() => undefined);
        if (trouble === "crash") {
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
      assertMonotone(told.all);
      for (const container of node.containers.values())
        assert.equal(told.of(container.id).at(-1), container.state === "exited" ? "stopped" : "started");
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
    const made = await start(cri, pick([["run"], ["exit", "4"]]) ?? [], name);
    pods.push(made.podSandboxId);
    containers.push(made.containerId);
  } else if (what === "stop" && containerId)
    await runtime.stopContainer({ containerId, timeout: 0n }).catch(gone);
  else if (what === "remove" && containerId) await runtime.removeContainer({ containerId });
  else if (podSandboxId) await runtime.removePodSandbox({ podSandboxId });
}

/** What was removed before may be told to be missing. */
function gone(error: unknown): void {
  assert.equal((error as { reason?: string }).reason, "object_missing");
}

test("the heap stays flat over 400 lives, read and watched", async (t) => {
  const { cri, events } = await withEvents(t, { callLimit: 10 });
  const node = await events.watch();
  cleanup(t, () => node.close());
  const stream = events.read();
  cleanup(t, () => stream.return?.());
  let count = 0;
  void (async () => {
    for await (const _ of stream) count++;
  })();
  const lives = async (times: number) => {
    for (let n = 0; n < times; n++) {
      const { podSandboxId } = await start(cri, ["exit", "0"]);
      await cri.runtime.removePodSandbox({ podSandboxId });
    }
    await soon(node.waitFor(({ pods }) => pods.size === 0));
    collect();
    return process.memoryUsage().heapUsed / 2 ** 20;
  };
  const before = await lives(100);
  const after = await lives(400);
  t.diagnostic(`${count} events; heap ${(after - before).toFixed(2)} MiB more`);
  assert.ok(count >= 500 * 6);
  assert.ok(after - before < 4, `${after - before} MiB more`);
});
