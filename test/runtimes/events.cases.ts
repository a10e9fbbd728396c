import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type Cri, connect, type NodeEvent, type NodeWatch } from "../../src/index.js";
import type { ResyncEvent } from "../../src/observe.js";
import { ContainerState, PodSandboxState } from "../../src/v1.js";
import { retryUntilDone, runToExit, stateOf } from "./events.lifecycles.js";
import { type Abilities, eventually, type Pod, runPod, type Subject } from "./support.js";

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

/** Cases for events and the node cache while the daemon is killed and restarted. */
export function eventCases(subject: () => Subject): void {
  test("200 lifecycles with five daemon kills: every exit is reported, and the cache equals the lists", async (t) => {
    const { runtime, abilities } = subject();
    await using cri = connect.lazy(runtime.endpoint);
    await using node = await cri.watchNode({ timeoutMs: 10_000 });
    await using recorded = record(cri);
    const pods = await Promise.all([0, 1, 2, 3].map((n) => runPod(subject(), `events-${n}`)));
    try {
      const heapBefore = heapMiB();
      let done = 0;
      const removed = new Set<string>();
      const work = Promise.all(
        pods.map(async (pod, lane) => {
          for (let n = 0; n < 50; n++, done++) {
            const id = await runToExit(subject(), pod, lane, n);
            if (n % 4 !== 0) continue;
            // On a runtime without events, polling would miss a container that is removed before the next poll.
            await eventually(`the exit of ${id} is reported`, () => recorded.of(id).includes("stopped"));
            if (await retryUntilDone(() => cri.runtime.removeContainer({ containerId: id }))) removed.add(id);
          }
        }),
      );
      for (let kill = 1; kill <= 5; kill++) {
        await Promise.race([eventuallyLong(() => done >= kill * 33), work]);
        await runtime.kill();
        await pause(250);
        await runtime.start();
      }
      await work;
      assert.equal(done, 200);
      await waitForCache(cri, node);
      assertReported(recorded.events, await exitCodes(cri, pods), removed, abilities);
      const kinds = recorded.events.map(({ type }) => type);
      // On a runtime without events, which is polled, a kill and a start may both happen between two polls.
      if (abilities.events)
        assert.ok(kinds.filter((type) => type === "disconnected").length >= 5, "each kill is reported");
      assert.equal(kinds.filter((type) => type === "overflow").length, 0);
      const relisted = recorded.events.filter(
        (event) => "source" in event && event.source === "relist",
      ).length;
      const grown = heapMiB() - heapBefore;
      t.diagnostic(
        `${recorded.events.length} events, ${relisted} of them from lists; the heap grew by ${grown.toFixed(1)} MiB`,
      );
      assert.ok(grown < 30, `the heap grew by ${grown} MiB`);
    } finally {
      for (const pod of pods) await pod[Symbol.asyncDispose]();
    }
    await waitForCache(cri, node);
  });

  test("an exit while the daemon was down is reported with its exit code", async () => {
    const { runtime } = subject();
    await using cri = connect.lazy(runtime.endpoint);
    await using recorded = record(cri);
    await using pod = await runPod(subject(), "exited-while-down");
    const id = await pod.container(["sh", "-c", "sleep 1; exit 3"]);
    await eventually("the start is reported", () => recorded.of(id).includes("started"));
    await runtime.kill();
    await pause(1_500);
    await runtime.start();
    await eventually("the exit is reported", () => recorded.of(id).includes("stopped"));
    const { status } = await cri.runtime.containerStatus({ containerId: id });
    const stopped = recorded.events.find((event) => event.type === "stopped" && event.id === id);
    assert.ok(stopped?.type === "stopped" && stopped.kind === "container");
    assert.equal(stopped.exit?.exitCode, status?.exitCode);
    assert.equal(stopped.source, "relist");
    assert.deepEqual(recorded.of(id), ["created", "started", "stopped"]);
  });

  test("a stalled reader does not block the runtime, and receives an overflow event and a resync", async () => {
    const { runtime, abilities } = subject();
    await using cri = connect.lazy(runtime.endpoint);
    await using stalled = cri.events.read({ queueLimit: 8 });
    assert.equal((await stalled.next()).value?.type, "connected");
    await using pod = await runPod(subject(), "stalled");
    for (let n = 0; n < 30; n++) {
      const id = await pod.container(["true"]);
      await eventually(
        "the container exited",
        async () => (await stateOf(cri, id)) === ContainerState.CONTAINER_EXITED,
      );
      await cri.runtime.removeContainer({ containerId: id }, { timeoutMs: 20_000 });
    }
    // Polling misses containers that are created and removed between two polls, so these remain, one for each poll.
    for (let n = 0; n < 9; n++) {
      await pod.container(["true"]);
      if (!abilities.events) await pause(1_100);
    }
    // The last events may still be on their way.
    await pause(500);
    const rest: NodeEvent[] = [];
    await eventually("the overflow is reported", async () => {
      rest.push((await stalled.next()).value as NodeEvent);
      return rest.at(-1)?.type === "resync" && rest.some(({ type }) => type === "overflow");
    });
    const { containers } = rest.at(-1) as ResyncEvent;
    assert.ok(containers.filter(({ podId }) => podId === pod.podSandboxId).length >= 9);
  });

  test("a container that was removed before the first read has no events", async () => {
    const { runtime } = subject();
    await using cri = connect.lazy(runtime.endpoint);
    await using pod = await runPod(subject(), "history");
    const old = await pod.container(["true"]);
    await eventually(
      "the container exited",
      async () => (await stateOf(cri, old)) === ContainerState.CONTAINER_EXITED,
    );
    await cri.runtime.removeContainer({ containerId: old });
    // Events of the last second may still be pending in the runtime.
    await pause(1_500);
    await using recorded = record(cri);
    await eventually("the resync arrives", () => recorded.events.some(({ type }) => type === "resync"));
    // containerd 2.1 sends its buffered events before new ones.
    const id = await pod.container(["sh", "-c", "exit 5"]);
    await eventually("the exit is reported", () => recorded.of(id).includes("stopped"));
    assert.deepEqual(recorded.of(old), []);
    assert.deepEqual(recorded.of(id), ["created", "started", "stopped"]);
  });
}

/** Records all events of a connection. */
function record(cri: Cri) {
  const stream = cri.events.read({ queueLimit: 100_000 });
  const events: NodeEvent[] = [];
  const reading = (async () => {
    for await (const event of stream) events.push(event);
  })();
  return {
    events,
    of: (id: string) => events.filter((event) => "id" in event && event.id === id).map(({ type }) => type),
    async [Symbol.asyncDispose]() {
      await stream.return?.();
      await reading;
    },
  };
}

async function eventuallyLong(holds: () => boolean): Promise<void> {
  while (!holds()) await pause(20);
}

const stateNames: ReadonlyMap<ContainerState, string> = new Map([
  [ContainerState.CONTAINER_CREATED, "created"],
  [ContainerState.CONTAINER_RUNNING, "running"],
  [ContainerState.CONTAINER_EXITED, "exited"],
  [ContainerState.CONTAINER_UNKNOWN, "unknown"],
]);

/** Waits until the cache equals the lists. */
async function waitForCache(cri: Cri, node: NodeWatch): Promise<void> {
  let counts = "";
  await eventually("the cache equals the lists", async () => {
    const [pods, containers] = [
      await cri.lists.podSandboxes().collect(),
      await cri.lists.containers().collect(),
    ];
    const listed = [
      ...pods.map(
        ({ id, state }) => `${id} ${state === PodSandboxState.SANDBOX_READY ? "ready" : "notReady"}`,
      ),
      ...containers.map(({ id, state }) => `${id} ${stateNames.get(state)}`),
    ].sort();
    const known = [...node.pods.values(), ...node.containers.values()]
      .map(({ id, state }) => `${id} ${state}`)
      .sort();
    counts = `${known.length} cached, ${listed.length} listed`;
    if (known.join() !== listed.join()) return false;
    // The messages must be equal, too, not only the states.
    for (const message of pods) assert.deepEqual(node.pods.get(message.id)?.message, message);
    for (const message of containers) assert.deepEqual(node.containers.get(message.id)?.message, message);
    return true;
  }).catch((error: unknown) => {
    throw new Error(counts, { cause: error });
  });
}

/** Returns the exit code of each container in the pods, from the runtime; `undefined` for one that has not exited. */
async function exitCodes(cri: Cri, pods: readonly Pod[]): Promise<Map<string, number | undefined>> {
  const codes = new Map<string, number | undefined>();
  for (const { podSandboxId } of pods)
    for (const { id } of await cri.lists.containers({ podSandboxId }).collect()) {
      const { status } = await cri.runtime.containerStatus({ containerId: id });
      const ended = status?.state === ContainerState.CONTAINER_EXITED;
      codes.set(id, ended ? status?.exitCode : undefined);
    }
  return codes;
}

const order = ["created", "started", "stopped", "deleted"];

const stepText = (event: NodeEvent) => ("source" in event ? `${event.type} by ${event.source}` : event.type);

function assertReported(
  events: readonly NodeEvent[],
  codes: ReadonlyMap<string, number | undefined>,
  removed: ReadonlySet<string>,
  { completeLists }: Pick<Abilities, "completeLists">,
): void {
  const byId = new Map<string, NodeEvent[]>();
  for (const event of events) if ("id" in event) byId.set(event.id, [...(byId.get(event.id) ?? []), event]);
  for (const [id, steps] of byId) {
    const texts = steps.map(stepText);
    const positions = steps.map(({ type }) => order.indexOf(type));
    for (let n = 1; n < positions.length; n++) {
      // An object that a list lacked, and a later one has, begins again (docs/events.md).
      const isListedAgain = texts[n - 1] === "deleted by relist" && texts[n] === "created by relist";
      if (isListedAgain && !completeLists) continue;
      assert.ok((positions[n - 1] ?? 0) < (positions[n] ?? 0), `${id}: ${texts}`);
    }
  }
  assert.ok(codes.size >= 140);
  for (const [id, code] of codes) {
    const last = byId.get(id)?.at(-1);
    if (code === undefined) assert.ok(last && last.type !== "stopped", `${id} did not exit`);
    else {
      assert.ok(last?.type === "stopped" && last.kind === "container", `the exit of ${id} was reported`);
      assert.equal(last.exit?.exitCode, code, `the exit code of ${id}`);
    }
  }
  assert.ok(removed.size >= 40);
  for (const id of removed) assert.equal(byId.get(id)?.at(-1)?.type, "deleted", `the removal of ${id}`);
}

function heapMiB(): number {
  collect();
  return process.memoryUsage().heapUsed / 2 ** 20;
}
