// A runtime that accepts calls and does not answer: the node is not ready, and nothing is killed.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Kubelet } from "../../../src/kubelet/index.js";
import { kubeletNode, ListSource, onePod, untilPhase } from "../../support/kubelets.js";
import { VirtualClock } from "../../support/virtual-clock.js";
import { eventsOf, nodeReady, startFaulty, stateChanges } from "./support.js";

/** How long a call hangs. */
const hangMs = 300_000;

test("a hung runtime: down after 30 s, PLEG after 3 min, nothing is killed, and all is well when it answers", async (t) => {
  const { clock, kubelet, list, runtime } = await startFaulty(t, [onePod("a"), onePod("b")]);
  await untilPhase(kubelet, "Running", "a", "b");
  await clock.until(() => kubelet.isReady());
  const ids = () => kubelet.pods().flatMap(({ observed }) => observed.containers.map(({ id }) => id));
  const before = ids();
  const statuses = JSON.stringify(kubelet.pods().map(({ status }) => status));
  const calls = new Map(
    (["stopContainer", "stopPodSandbox", "createContainer"] as const).map((name) => [
      name,
      runtime.calls.of(name).length,
    ]),
  );

  for (const method of [
    "status",
    "listContainers",
    "listPodSandbox",
    "streamContainers",
    "streamPodSandboxes",
  ] as const)
    runtime.faults.delay(method, hangMs, { times: Number.POSITIVE_INFINITY });
  const states = stateChanges(() => nodeReady(kubelet).replace(/active .* ago/, "active … ago"));
  const since = clock.now();
  const times: number[] = [];
  const look = () => {
    const { length } = states.seen;
    states.look();
    if (states.seen.length > length) times.push(clock.now() - since);
    return states.seen.length === 3;
  };
  await clock.until(look, { limitMs: 600_000 });
  const down = "container runtime is down";
  const pleg = "PLEG is not healthy: pleg was last seen active … ago; threshold is 3m0s";
  assert.deepEqual(states.seen, [
    "True KubeletReady: kubelet is posting ready status",
    `False KubeletNotReady: ${down}`,
    `False KubeletNotReady: [${down}, ${pleg}]`,
  ]);
  const [, downMs = 0, plegMs = 0] = times;
  assert.ok(downMs >= 25_000 && downMs <= 45_000, `${downMs} ms`);
  assert.ok(plegMs >= 170_000 && plegMs <= 200_000, `${plegMs} ms`);
  runtime.faults.clear();
  await clock.until(() => kubelet.isReady(), { limitMs: 120_000 });
  // The calls of workers that hang end, too.
  const end = clock.now() + hangMs;
  await clock.until(() => clock.now() >= end);
  assert.deepEqual(ids(), before);
  assert.equal(JSON.stringify(kubelet.pods().map(({ status }) => status)), statuses);
  for (const [name, count] of calls) assert.equal(runtime.calls.of(name).length, count, name);
  for (const name of ["a", "b"])
    assert.ok(!eventsOf(list.events, name).some((text) => text.includes("Killing")));
  const nodeEvents = list.events.filter(({ object }) => object.kind === "Node").map(({ reason }) => reason);
  assert.ok(nodeEvents.includes("NodeNotReady") && nodeEvents.at(-1) === "NodeReady", nodeEvents.join());
  await kubelet.stop();
});

test("a kubelet whose first list is never answered starts after half a minute", async (t) => {
  const clock = new VirtualClock();
  const node = await kubeletNode(t, { clock: clock.runtime });
  clock.activity = () => node.runtime.calls.total;
  node.runtime.faults.delay("streamPodSandboxes", hangMs);
  let kubelet: Kubelet | undefined;
  const starting = node.start([new ListSource("list", [onePod("a")])], { clock }).then((started) => {
    kubelet = started;
  });
  const tookMs = await clock.until(() => kubelet !== undefined, { limitMs: hangMs });
  await starting;
  assert.ok(tookMs >= 29_000 && tookMs < 60_000, `${tookMs} ms`);
  assert.ok(kubelet);
  await untilPhase(kubelet, "Running", "a");
});
