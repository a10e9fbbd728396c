// No work continues after close(): no retry, no poll, no next step of an operation.
import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { type Cri, connect } from "../../src/index.js";
import { EmbeddedRuntime } from "../../src/testing/index.js";
import { cleanup } from "../support/cleanup.js";
import { busybox } from "../support/embedded.js";
import { failure } from "../support/failure.js";
import { checkLeaks } from "../support/leaks.js";
import { programs } from "../support/scripted-programs.js";
import { tempFolder } from "../support/temp.js";
import { until, within } from "../support/waiting.js";

async function first(source: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of source);
}

/** Starts everything that repeats calls. */
async function everyLoop(cri: Cri): Promise<Promise<unknown>[]> {
  const removed = await cri.pods.run({ name: "removed" });
  const container = await cri.pods.runContainer(
    { name: "runs" },
    { name: "main", image: busybox, command: ["run"] },
  );
  return [
    cri.pods.ensure({ name: "reserved" }),
    removed.remove(),
    container.wait({ until: () => false }),
    container.pod.wait({ until: "exited" }),
    cri.images.pull(busybox, { onProgress: () => undefined, progressIntervalMs: 20 }),
    first(cri.stats.watch({ intervalMs: 20 })),
    cri.stats.pods({}, { rateOverMs: 60_000 }),
    first(cri.events),
  ];
}

for (const kind of ["a transport of its own", "a transport of the caller"])
  test(`close() ends every loop, with ${kind}`, async (t: TestContext) => {
    checkLeaks(t);
    const socket = join(await tempFolder(t), "cri.sock");
    // It has no events, so that waits poll.
    const runtime = await EmbeddedRuntime.start({ programs, preload: [busybox], socket });
    cleanup(t, () => within(20_000, runtime.close(), "close()"));
    const { faults, calls } = runtime;
    const times = { times: Number.POSITIVE_INFINITY };
    const cri = kind.endsWith("own") ? connect.lazy(socket) : connect.through(runtime);
    faults.failNext("getContainerEvents", { code: "unimplemented" }, times);
    faults.failNext("stopPodSandbox", { code: "unknown", message: "container is in removing state" }, times);
    faults.delay("pullImage", 600_000);
    const loops = everyLoop(cri).then((all) => {
      faults.failNext("runPodSandbox", { code: "unknown", message: 'name "x" is reserved for "y"' }, times);
      return all.map((one) => failure(one));
    });
    const running = await loops;
    await until(() => calls.of("runPodSandbox").length > 2, "ensure() has begun again");
    await until(() => calls.of("stopPodSandbox").length > 2, "remove() has begun again");
    await within(10_000, cri.close(), "close()");
    const errors = await within(10_000, Promise.all(running), "every loop");
    assert.deepEqual([...new Set(errors.map(({ reason }) => reason))], ["client_closed"]);
    calls.clear();
    await pause(500);
    assert.deepEqual(
      calls.all.map(({ method }) => method),
      [],
    );
  });
