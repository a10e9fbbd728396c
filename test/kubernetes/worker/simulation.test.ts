// Random pods on a simulated runtime, with random ends, failures and losses. `SimulatedPod` checks each step.
import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { isTerminalPhase } from "../../../src/kubernetes/status/pod-status.js";
import { findContainer, isStopped, newestInstance } from "../../../src/kubernetes/worker/pod-containers.js";
import { shouldStart } from "../../../src/kubernetes/worker/restart-rules.js";
import type { Container } from "../../../src/kubernetes.js";
import { podOf, sidecar } from "../../support/observed-pods.js";
import { SeededRandom } from "../../support/random.js";
import { SimulatedPod } from "../../support/simulated-pod.js";

const runs = 100;
const eventsPerRun = 40;
const probe = { exec: { command: ["true"] } };

function randomPod(random: SeededRandom) {
  const chance = (share: number) => random.next() < share;
  const probes = (): Partial<Container> => ({
    ...(chance(0.3) && { startupProbe: probe }),
    ...(chance(0.3) && { livenessProbe: probe }),
    ...(chance(0.3) && { readinessProbe: probe }),
  });
  const policy = (): Partial<Container> =>
    chance(0.7)
      ? {}
      : {
          restartPolicy: random.of("Never", "OnFailure"),
          restartPolicyRules: [
            {
              action: random.of("Restart", "Restart", "RestartAllContainers"),
              exitCodes: { operator: random.of("In", "NotIn"), values: [42] },
            },
          ],
        };
  const regularPolicy = (): Partial<Container> => (chance(0.1) ? { restartPolicy: "Always" } : policy());
  return podOf({
    restartPolicy: random.of("Always", "Always", "OnFailure", "Never"),
    initContainers: Array.from({ length: random.below(5) }, (_, i) =>
      chance(0.5) ? sidecar(`s${i}`, probes()) : { name: `i${i}`, ...policy() },
    ),
    containers: Array.from({ length: 1 + random.below(3) }, (_, i) => ({
      name: `c${i}`,
      ...probes(),
      ...regularPolicy(),
    })),
    ephemeralContainers: Array.from({ length: random.below(2) }, (_, i) => `e${i}`),
  });
}

/** Lets something happen to the pod, and returns what it was. */
function happen(world: SimulatedPod, random: SeededRandom): string {
  const running = world.running();
  const [first, ...rest] = running;
  const names = [...world.pod.spec.initContainers, ...world.pod.spec.containers].map(({ name }) => name);
  switch (random.below(14)) {
    case 0:
    case 1:
    case 2:
    case 3: {
      if (!first) return "nothing";
      const container = random.of(first, ...rest);
      const isInit = findContainer(world.pod, container.name)?.kind === "init";
      const exitCode = isInit ? random.of(0, 0, 0, 1) : random.of(0, 1, 42, 137);
      world.exit(container, exitCode, exitCode === 137 ? "OOMKilled" : undefined);
      return `${container.name} exits with ${exitCode}`;
    }
    case 4:
    case 5:
      world.decideProbes(() => random.of("success", "success", "success", "failure"));
      return "probes are decided";
    case 6: {
      const name = random.of(names[0] ?? "c0", ...names.slice(1));
      const outcome = random.of("start-error", "created", "create-error");
      world.nextStart.set(name, outcome);
      return `the next start of ${name} is a ${outcome}`;
    }
    case 7:
      if (random.next() < 0.7) return "nothing";
      world.killSandbox();
      return "the sandbox ends";
    case 8: {
      if (!first || random.next() < 0.7) return "nothing";
      const container = random.of(first, ...rest);
      container.state = "unknown";
      return `${container.name} is in an unknown state`;
    }
    case 9: {
      const old = world.containers.filter(({ state }) => state === "exited");
      const [one, ...others] = old;
      if (!one) return "nothing";
      const { id, name } = random.of(one, ...others);
      // A runtime that loses the newest instance has lost the older ones before.
      const isNewest = newestInstance(world.observe(), name)?.id === id;
      const lost = world.containers.filter((it) => it.id === id || (isNewest && it.name === name));
      for (const instance of lost) world.forget(instance);
      return `${id} is lost`;
    }
    case 10: {
      if (random.next() < 0.7) return "nothing";
      const name = random.of(names[0] ?? "c0", ...names.slice(1));
      const changed = <T extends Container>(container: T): T =>
        container.name === name ? { ...container, image: `${container.image}x` } : container;
      const { spec } = world.pod;
      world.pod = {
        ...world.pod,
        spec: {
          ...spec,
          initContainers: spec.initContainers.map(changed),
          containers: spec.containers.map(changed),
        },
      };
      return `the image of ${name} changes`;
    }
    default:
      if (world.wakeUpSeconds !== undefined && random.next() < 0.7) world.nowSeconds = world.wakeUpSeconds;
      else world.nowSeconds += random.of(1, 5, 30, 200, 700);
      return `it is ${world.nowSeconds} s`;
  }
}

/** Checks what holds when nothing more can be done. */
function checkAtRest(world: SimulatedPod): void {
  const observed = world.observe();
  if (world.isEnding()) {
    assert.ok(isStopped(observed), "something runs after the end");
    assert.ok(isTerminalPhase(world.status?.phase));
    return;
  }
  const { initContainers, containers } = world.pod.spec;
  const ready = observed.sandboxes.filter(({ isReady }) => isReady);
  // As in the kubelet: such a pod gets no second sandbox, also where a container never ran.
  if (world.pod.spec.restartPolicy === "Never" && ready.length === 0) return;
  assert.equal(ready.length, 1, "a pod that goes on has one sandbox");
  const isDue = (container: Container) => {
    const newest = newestInstance(observed, container.name);
    return newest?.state !== "running" && shouldStart(world.pod, container, newest);
  };
  // A container that is due waits for its delay, or for an init container.
  const due = containers.filter(isDue);
  const isInitializing = initContainers.some((container) => {
    const newest = newestInstance(observed, container.name);
    if (container.restartPolicy !== "Always") return newest?.state === "running" || isDue(container);
    return newest?.state !== "running" || world.probes.get(newest.id)?.startup !== "success";
  });
  if (due.length > 0)
    assert.ok(world.wakeUpSeconds !== undefined || isInitializing, "a container is forgotten");
}

test(`${runs} random pods with ${eventsPerRun} events each`, () => {
  const { seed } = new SeededRandom();
  const seen = new Map<string, number>();
  for (let run = 0; run < runs; run++) {
    const random = new SeededRandom(seed + run);
    const world = new SimulatedPod(randomPod(random));
    const history: string[] = [];
    try {
      for (let event = 0; event < eventsPerRun; event++) {
        world.settle();
        checkAtRest(world);
        if (event === eventsPerRun - 5 && random.next() < 0.5) {
          world.isDeleted = true;
          history.push("deleted");
        } else history.push(happen(world, random));
      }
      world.settle();
      checkAtRest(world);
    } catch (error) {
      const { restartPolicy, initContainers, containers } = world.pod.spec;
      const spec = inspect({ restartPolicy, initContainers, containers }, { depth: 5, breakLength: 200 });
      const text = `${history.join("\n")}\n${spec}`;
      throw new Error(`with CRI_SDK_TEST_SEED=${seed + run} (run 0): ${text}`, { cause: error });
    }
    const phase = world.status?.phase ?? "";
    seen.set(phase, (seen.get(phase) ?? 0) + 1);
    seen.set("starts", (seen.get("starts") ?? 0) + world.starts.length);
  }
  // The events must lead to all kinds of ends.
  for (const phase of ["Running", "Succeeded", "Failed"]) assert.ok((seen.get(phase) ?? 0) > 0, phase);
  assert.ok((seen.get("starts") ?? 0) > runs * 3);
});

test("a pod with everything starts and stops in order", () => {
  const world = new SimulatedPod(
    podOf({
      initContainers: ["i0", sidecar("s1", { startupProbe: probe }), "i2", sidecar("s3")],
      containers: ["c0", "c1"],
    }),
  );
  const exitOf = (name: string) => {
    const container = world.running().find((it) => it.name === name);
    assert.ok(container, `${name} runs`);
    world.exit(container, 0);
  };
  world.settle();
  assert.deepEqual(world.starts, ["i0"]);
  exitOf("i0");
  world.settle();
  assert.deepEqual(world.starts, ["i0", "s1"]);
  world.decideProbes(() => "success");
  world.settle();
  assert.deepEqual(world.starts, ["i0", "s1", "i2"]);
  exitOf("i2");
  world.settle();
  assert.deepEqual(world.starts, ["i0", "s1", "i2", "s3", "c0", "c1"]);
  assert.equal(world.status?.phase, "Running");
  world.killSandbox();
  world.settle();
  assert.deepEqual(world.starts.slice(6), ["i0"], "a new sandbox begins anew");
  world.isDeleted = true;
  world.settle();
  assert.equal(world.starts.length, 7);
  assert.equal(world.status?.phase, "Failed");
});
