// A dockershim and its engine that are killed again and again, and sent meaningless requests.
import assert from "node:assert/strict";
import { after, before, describe, type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { DockerRuntime } from "../../scripts/runtimes/index.js";
import { SeededRandom } from "../support/random.js";
import { until } from "../support/waiting.js";
import { EngineEnds } from "./dockershim.engine.js";
import { Foreigners } from "./dockershim.foreigners.js";
import { Fuzz } from "./dockershim.fuzz.js";
import { Load } from "./dockershim.load.js";
import { answerLate, endWhileAttaching, removeThroughEngine } from "./dockershim.moments.js";
import { addedTo, endForgotten, shimPids, traces, usageOf } from "./dockershim.traces.js";
import { untruths } from "./dockershim.truth.js";
import type { Subject } from "./support.js";

/** How much of each: little, so that all engines can be tested often, or with `CRI_SDK_DOCKERSHIM=long` for a quarter of an hour. */
const { kills, ends, requests } =
  process.env.CRI_SDK_DOCKERSHIM === "long"
    ? { kills: 30, ends: 10, requests: 10_000 }
    : { kills: 3, ends: 4, requests: 500 };

/** Cases for a runtime whose engine is Docker. */
export function dockershimCases(subject: () => Subject): void {
  describe("dockershim", () => {
    let runtime: DockerRuntime;
    let foreigners: Foreigners;
    let atFirst: string[];
    const held = () => traces(runtime, subject().running.dir);

    before(async () => {
      const { cri, running, runtime: one } = subject();
      assert.ok("engine" in one);
      runtime = one;
      await cri.image.pullImage({ image: { image: running.images.busybox } });
      foreigners = await Foreigners.create(runtime, running.images.busybox);
      atFirst = await held();
    });
    after(() => foreigners?.remove());

    /** Waits until the pods of a test have left nothing behind. */
    const nothingLeft = async () => {
      let left: string[] = [];
      const isEmpty = async () => {
        left = addedTo(atFirst, await held());
        return left.length === 0;
      };
      await until(isEmpty, "", 30_000).catch(() => assert.deepEqual(left, []));
      await foreigners.check();
    };

    test("kills of the shim: no pod and no line of a log is lost, doubled or misreported", async (t) => {
      const random = seeded(t);
      await using load = new Load(subject(), runtime, { random, workers: 3, engineEnds: false });
      for (let kill = 0; kill < kills; kill++) {
        await pause(300 + random.below(4_000));
        await endShim(subject(), runtime, random);
      }
      await finish(t, subject(), load);
      await nothingLeft();
    });

    test("worst moments: pods without a network, late answers of the engine, removals through the engine", async (t) => {
      await endWhileAttaching(subject(), runtime, "shim");
      await nothingLeft();
      await endWhileAttaching(subject(), runtime, "engine");
      await nothingLeft();
      t.diagnostic(await answerLate(subject(), runtime));
      await removeThroughEngine(subject(), runtime);
      await nothingLeft();
    });

    test("ends of the engine: calls fail as unavailable, then states, events and logs are true", async (t) => {
      const random = seeded(t);
      await using load = new Load(subject(), runtime, { random, workers: 2, engineEnds: true });
      await using engine = new EngineEnds(subject(), runtime);
      for (let round = 0; round < ends; round++) {
        await pause(random.below(2_000));
        t.diagnostic(await engine.round(round));
      }
      await finish(t, subject(), load);
      const forgotten = await endForgotten(runtime, subject().running.dir);
      t.diagnostic(`the engine has forgotten ${forgotten.length} containers`);
      await nothingLeft();
    });

    test("meaningless requests end neither the shim nor the engine", async (t) => {
      const random = seeded(t);
      const { pid } = runtime;
      const enginePid = runtime.engine.pid;
      const usage = usageOf(pid);
      await using fuzz = new Fuzz(subject(), random, foreigners.ids);
      await fuzz.send(requests);
      t.diagnostic(JSON.stringify(fuzz.counts));
      assert.deepEqual(fuzz.problems, []);
      assert.deepEqual([runtime.pid, runtime.engine.pid], [pid, enginePid]);
      assert.ok(runtime.isAlive() && runtime.engine.isAlive());
      await fuzz.removeAll();
      await nothingLeft();
      const now = usageOf(pid);
      t.diagnostic(`the shim: ${JSON.stringify(usage)}, then ${JSON.stringify(now)}`);
      assert.ok(now.memoryMiB < usage.memoryMiB + 100, "the memory of the shim has grown");
      assert.ok(now.files < usage.files + 30, "the shim has more open files");
    });
  });
}

function seeded(t: TestContext): SeededRandom {
  const random = new SeededRandom();
  t.diagnostic(`CRI_SDK_TEST_SEED=${random.seed}`);
  return random;
}

/** Stops a load, checks what the runtime reports, and removes the pods. */
async function finish(t: TestContext, subject: Subject, load: Load): Promise<void> {
  await load.stop();
  const untrue = await untruths(subject, load);
  await load.removeAll();
  t.diagnostic(JSON.stringify(load.counts));
  assert.deepEqual([...load.problems, ...untrue], []);
}

/** Kills the shim, or stops it as a service manager does, then perhaps kills the next one while it starts, and starts another. */
async function endShim({ running }: Subject, runtime: DockerRuntime, random: SeededRandom): Promise<void> {
  if (random.below(4) === 0) await runtime.stop();
  else await runtime.kill();
  if (random.below(2) === 0) {
    const starting = runtime.start().catch(() => undefined);
    await pause(random.below(3_000));
    for (const pid of shimPids(runtime, running.dir)) process.kill(pid, "SIGKILL");
    await starting;
    await runtime.kill();
  }
  await runtime.start();
}
