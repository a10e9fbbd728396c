import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type Cri, connect, type NodeEvent, type NodeWatch, type ResyncEvent } from "../../src/index.js";
import { ContainerState, PodSandboxState } from "../../src/v1.js";
import { live, persists, stateOf } from "./events.lives.js";
import { eventually, type Pod, runPod, type Subject } from "./support.js";

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

/** Events and the cache of the node, on a daemon that is killed. */
export function eventCases(subject: () => Subject): void {
  test("200 lifecycles under five kills: every end is told, the cache equals the lists", async (t) => {
    const { runtime } = subject();
    await using cri = connect.lazy(runtime.endpoint);
    await using node = await cri.watchNode({ timeoutMs: 10_000 });
    await using told = record(cri);
    const pods = await Promise.all([0, 1, 2, 3].map((n) => runPod(subject(), `events-${n}`)));
    try {
      const heapBefore = heapMiB();
      let done = 0;
      const removed = new Set<string>();
      const work = Promise.all(
        pods.map(async (pod, lane) => {
          for (let n = 0; n < 50; n++, done++) {
            const id = await live(subject(), pod, lane, n);
            if (n % 4 !== 0) continue;
            // Where lists are polled, what goes before it was seen is not seen.
            await eventually(`the end of ${id} is told`, () => told.of(id).includes("stopped"));
            if (await persists(() => cri.runtime.removeContainer({ containerId: id }))) removed.add(id);
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
      await inStep(cri, node);
      assertTold(told.events, await ends(cri, pods), removed);
      const kinds = told.events.map(({ type }) => type);
      // A poll may fall between a kill and a start.
      if (runtime.release !== "1.6")
        assert.ok(kinds.filter((type) => type === "disconnected").length >= 5, "each kill shows");
      assert.equal(kinds.filter((type) => type === "overflow").length, 0);
      const relisted = told.events.filter((event) => "source" in event && event.source === "relist").length;
      const grown = heapMiB() - heapBefore;
      t.diagnostic(
        `${told.events.length} events, ${relisted} of them from lists; heap ${grown.toFixed(1)} MiB more`,
      );
      assert.ok(grown < 30, `the heap is ${grown} MiB larger`);
    } finally {
      for (const pod of pods) await pod[Symbol.asyncDispose]();
    }
    await inStep(cri, node);
  });

  test("an end while the daemon was down is told, with the exit code", async () => {
    const { runtime } = subject();
    await using cri = connect.lazy(runtime.endpoint);
    await using told = record(cri);
    await using pod = await runPod(subject(), "ended-meanwhile");
    const id = await pod.container(["sh", "-c", "sleep 1; exit 3"]);
    await eventually("its start is told", () => told.of(id).includes("started"));
    await runtime.kill();
    await pause(1_500);
    await runtime.start();
    await eventually("its end is told", () => told.of(id).includes("stopped"));
    const { status } = await cri.runtime.containerStatus({ containerId: id });
    const stopped = told.events.find((event) => event.type === "stopped" && event.id === id);
    assert.ok(stopped?.type === "stopped" && stopped.kind === "container");
    assert.equal(stopped.exit?.exitCode, status?.exitCode);
    assert.equal(stopped.source, "relist");
    assert.deepEqual(told.of(id), ["created", "started", "stopped"]);
  });

  test("a reader that does not read keeps nobody waiting, and is told what it lost", async () => {
    const { runtime } = subject();
    await using cri = connect.lazy(runtime.endpoint);
    await using lazy = cri.events.read({ queueLimit: 8 });
    assert.equal((await lazy.next()).value?.type, "connected");
    await using pod = await runPod(subject(), "stalled");
    for (let n = 0; n < 30; n++) {
      const id = await pod.container(["true"]);
      await eventually("it ended", async () => (await stateOf(cri, id)) === ContainerState.CONTAINER_EXITED);
      await cri.runtime.removeContainer({ containerId: id }, { timeoutMs: 20_000 });
    }
    // Where the lists are polled, what came and went in between is no event.
    for (let n = 0; n < 9; n++) {
      await pod.container(["true"]);
      if (runtime.release === "1.6") await pause(1_100);
    }
    const rest: NodeEvent[] = [];
    await eventually("the loss is told", async () => {
      rest.push((await lazy.next()).value as NodeEvent);
      return rest.at(-1)?.type === "resync" && rest.some(({ type }) => type === "overflow");
    });
    const { containers } = rest.at(-1) as ResyncEvent;
    assert.ok(containers.filter(({ podId }) => podId === pod.podSandboxId).length >= 9);
  });

  test("what was gone before somebody reads is no news", async () => {
    const { runtime } = subject();
    await using cri = connect.lazy(runtime.endpoint);
    await using pod = await runPod(subject(), "history");
    const old = await pod.container(["true"]);
    await eventually("it ended", async () => (await stateOf(cri, old)) === ContainerState.CONTAINER_EXITED);
    await cri.runtime.removeContainer({ containerId: old });
    // What is younger than a second may still be on its way.
    await pause(1_500);
    await using told = record(cri);
    await eventually("what there is is told", () => told.events.some(({ type }) => type === "resync"));
    // containerd 2.1 hands out what it has kept before what happens now.
    const id = await pod.container(["sh", "-c", "exit 5"]);
    await eventually("its end is told", () => told.of(id).includes("stopped"));
    assert.deepEqual(told.of(old), []);
    assert.deepEqual(told.of(id), ["created", "started", "stopped"]);
  });
}

/** All events of a connection. */
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

/** Waits until the cache says what the lists say. */
async function inStep(cri: Cri, node: NodeWatch): Promise<void> {
  let said = "";
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
    said = `${known.length} known, ${listed.length} listed`;
    if (known.join() !== listed.join()) return false;
    // Not the states only: the messages, too.
    for (const message of pods) assert.deepEqual(node.pods.get(message.id)?.message, message);
    for (const message of containers) assert.deepEqual(node.containers.get(message.id)?.message, message);
    return true;
  }).catch((error: unknown) => {
    throw new Error(said, { cause: error });
  });
}

/** The exit codes of what has ended in these pods, as the runtime tells them. */
async function ends(cri: Cri, pods: readonly Pod[]): Promise<Map<string, number | undefined>> {
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

function assertTold(
  events: readonly NodeEvent[],
  codes: ReadonlyMap<string, number | undefined>,
  removed: ReadonlySet<string>,
): void {
  const byId = new Map<string, NodeEvent[]>();
  for (const event of events) if ("id" in event) byId.set(event.id, [...(byId.get(event.id) ?? []), event]);
  for (const [id, steps] of byId) {
    const places = steps.map(({ type }) => order.indexOf(type));
    for (let n = 1; n < places.length; n++)
      assert.ok((places[n - 1] ?? 0) < (places[n] ?? 0), `${id}: ${steps.map(({ type }) => type)}`);
  }
  assert.ok(codes.size >= 140);
  for (const [id, code] of codes) {
    const last = byId.get(id)?.at(-1);
    if (code === undefined) assert.ok(last && last.type !== "stopped", `${id} did not end`);
    else {
      assert.ok(last?.type === "stopped" && last.kind === "container", `the end of ${id} was told`);
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
