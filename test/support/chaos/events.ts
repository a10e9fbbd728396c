// Events and caches of a node whose runtime has faults, while pods come and go.
import assert from "node:assert/strict";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { Cri, NodeChange, NodeEvent, NodeWatch } from "../../../src/index.js";
import { cleanup } from "../cleanup.js";
import { busybox, scripted } from "../embedded.js";
import { SeededRandom } from "../random.js";
import { tempFolder } from "../temp.js";
import { until, within } from "../waiting.js";
import { faultyClient } from "./client.js";
import { harshPlan } from "./harsh-plan.js";
import { likeOf } from "./likes.js";
import { faultLine } from "./report.js";

/** How large the test is. */
export interface EventsChaosPlan {
  readonly pods: number;
  readonly seed?: number;
}

/**
 * Runs pods on a runtime whose observer has faults. Each step of each object is reported once and in order, with the true exit code; when
 * the faults end, the cache equals the lists. Returns the number of faults.
 */
export async function checkEventsUnderChaos(t: TestContext, plan: EventsChaosPlan): Promise<number> {
  const random = new SeededRandom(plan.seed);
  t.diagnostic(`CRI_SDK_TEST_SEED=${random.seed}`);
  const folder = await tempFolder(t);
  const { cri, runtime } = await scripted(t, { like: likeOf(random), callLimit: 0 });
  const { proxy, faulty } = await faultyClient(t, runtime.transport, {
    ...(random.seed % 2 === 0 && { socket: join(folder, "chaos.sock") }),
    seed: String(random.seed),
    plan: harshPlan({ hangs: false }),
    client: { events: { relistMs: 2_000, pollMs: 50, backoff: { firstMs: 10, maxMs: 200 } } },
  });
  const events: NodeEvent[] = [];
  const reading = readAll(faulty.events.read(), (event) => events.push(event));
  const watch = await within(60_000, faulty.watchNode(), "watchNode()");
  cleanup(t, () => watch.close());
  const cache = new Map<string, NodeChange["object"]>();
  const problems: string[] = [];
  const changing = readAll(watch.changes(), (change) => applyChange(cache, change, problems));

  // Containers that exist until the end, by id.
  const codes = new Map<string, number>();
  for (let n = 0; n < plan.pods; n++) {
    const config = { metadata: { name: `p${n}`, namespace: "test", uid: `uid-${n}`, attempt: 0 } };
    const { podSandboxId } = await cri.runtime.runPodSandbox({ config });
    const isBrief = random.next() < 0.3;
    for (let c = 0; c < 1 + random.below(3); c++) {
      const code = random.below(4);
      const { containerId } = await cri.runtime.createContainer({
        podSandboxId,
        config: {
          metadata: { name: `c${c}`, attempt: 0 },
          image: { image: busybox },
          command: ["exit", String(code)],
        },
        sandboxConfig: config,
      });
      if (!isBrief) codes.set(containerId, code);
      await cri.runtime.startContainer({ containerId });
    }
    await pause(random.below(200));
    if (isBrief) {
      await cri.runtime.stopPodSandbox({ podSandboxId });
      await cri.runtime.removePodSandbox({ podSandboxId });
    }
  }
  await faulty.runtime.version({}).catch(() => undefined);
  t.diagnostic(`${faultLine(proxy)}; ${events.length} events`);
  await proxy.pause();
  await untilEqual(cri, watch);
  const stoppedOnce = () =>
    [...codes.keys()].every((id) => events.some((one) => one.type === "stopped" && one.id === id));
  await until(stoppedOnce, "every exit is reported", 30_000);
  for (const { id } of (await cri.runtime.listPodSandbox({})).items) {
    await cri.runtime.stopPodSandbox({ podSandboxId: id });
    await cri.runtime.removePodSandbox({ podSandboxId: id });
  }
  await untilEqual(cri, watch);
  const deleted = () =>
    [...codes.keys()].every((id) => events.some((one) => one.type === "deleted" && one.id === id));
  await until(deleted, "every removal is reported", 30_000);
  await until(() => cache.size === 0, "the changes lead to an empty node", 30_000);
  checkSteps(events, codes, problems);
  assert.deepEqual(problems, []);
  await faulty.close();
  await within(10_000, Promise.all([reading, changing]), "the end of the streams");
  return proxy.total;
}

async function readAll<T>(stream: AsyncIterable<T>, take: (one: T) => unknown): Promise<void> {
  try {
    for await (const one of stream) take(one);
  } catch (error) {
    // The streams end when their client closes.
    assert.equal((error as { readonly reason?: string }).reason, "client_closed");
  }
}

function applyChange(
  cache: Map<string, NodeChange["object"]>,
  { type, id, object }: NodeChange,
  problems: string[],
): void {
  if ((type === "add") === cache.has(id)) problems.push(`${type} of ${object.name} ${id}: ${cache.has(id)}`);
  if (type === "delete") cache.delete(id);
  else cache.set(id, object);
}

const steps = ["created", "started", "stopped", "deleted"];

/** Each step of an object is reported once and in order, and an exit with its true code. */
function checkSteps(
  events: readonly NodeEvent[],
  codes: ReadonlyMap<string, number>,
  problems: string[],
): void {
  const reached = new Map<string, number>();
  for (const event of events) {
    if (!("id" in event)) continue;
    const step = steps.indexOf(event.type);
    const before = reached.get(event.id) ?? -1;
    if (step <= before) problems.push(`${event.kind} ${event.id}: ${event.type} after ${steps[before]}`);
    reached.set(event.id, step);
    const code = codes.get(event.id);
    if (
      event.kind === "container" &&
      event.type === "stopped" &&
      event.exit &&
      code !== undefined &&
      event.exit.exitCode !== code
    )
      problems.push(`container ${event.id}: exit code ${event.exit.exitCode} instead of ${code}`);
  }
}

/** The states of containers in the cache, by CRI's numbers. */
const containerStates = ["created", "running", "exited", "unknown"];

/** Waits until the watch equals the lists, with the exits of all containers. */
async function untilEqual({ runtime }: Cri, watch: NodeWatch): Promise<void> {
  let pair: readonly unknown[] = [];
  const isEqual = async () => {
    const { items } = await runtime.listPodSandbox({});
    const { containers } = await runtime.listContainers({});
    const listed = [
      ...items.map(({ id, state }) => `${id} ${state === 0 ? "ready" : "notReady"}`),
      ...containers.map(({ id, state }) => `${id} ${containerStates[state]}`),
    ];
    const cached = [...watch.pods.values(), ...watch.containers.values()].map(
      ({ id, state }) => `${id} ${state}`,
    );
    const withoutExit = [...watch.containers.values()].filter(
      ({ state, exit }) => state === "exited" && !exit,
    );
    pair = [[...cached.sort(), ...withoutExit.map(({ id }) => `${id} has no exit`)], listed.sort()];
    return JSON.stringify(pair[0]) === JSON.stringify(pair[1]);
  };
  await until(isEqual, "the cache equals the lists", 90_000).catch(() => assert.deepEqual(pair[0], pair[1]));
}
