// A runtime may answer with an error although it has created the object: containerd keeps a sandbox whose creation and whose clean-up
// failed.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { connect, type RpcInterceptor } from "../../src/index.js";
import type { ChaosRule } from "../../src/testing/index.js";
import { withInterceptors } from "../../src/transport/index.js";
import { faultyClient, faultyRuntime } from "../support/chaos/client.js";
import { cleanup } from "../support/cleanup.js";
import { busybox, scripted } from "../support/embedded.js";
import { failure } from "../support/failure.js";
import { tempFolder } from "../support/temp.js";

const failed = { code: "unknown", message: "failed to create: ttrpc: closed" } as const;
const main = { name: "main", image: busybox, command: ["run"] };

test("run: what a call that failed has created is removed", async (t) => {
  const { runtime, cri } = await scripted(t);
  runtime.faults.failNext("runPodSandbox", failed, { when: "after" });
  const error = await failure(cri.pods.run({ name: "a" }));
  assert.deepEqual([error.rawMessage, error.leftovers], [failed.message, []]);
  assert.deepEqual((await cri.runtime.listPodSandbox({})).items, []);

  const pod = await cri.pods.run({ name: "a" });
  runtime.faults.failNext("createContainer", failed, { when: "after" });
  assert.deepEqual((await failure(pod.runContainer(main))).leftovers, []);
  assert.deepEqual((await cri.runtime.listContainers({})).containers, []);
  // The name is free again.
  await pod.runContainer(main);
  await pod.remove();
});

test("run: a runtime that failed is asked once what it has", async (t) => {
  const { runtime, cri } = await scripted(t);
  const lists = () =>
    runtime.calls.all.filter(({ method }) => /PodSandbox(es)?$/.test(method) && method !== "runPodSandbox")
      .length;
  runtime.faults.failNext("runPodSandbox", failed);
  await failure(cri.pods.run({ name: "a" }));
  // Orphans before, and the look after the failure.
  assert.equal(lists(), 2);
});

test("run: a pod that cannot be looked for is listed in the error", async (t) => {
  const { faulty } = await faultyRuntime(t, [
    { fault: "fail", methods: ["runPodSandbox"], when: "after", ...failed },
    // The first list looks for orphans.
    { fault: "fail", methods: ["streamPodSandboxes"], skip: 1, code: "internal" },
  ]);
  const { rawMessage, leftovers } = await failure(faulty.pods.run({ name: "a" }));
  assert.equal(rawMessage, failed.message);
  assert.deepEqual(
    leftovers.map(({ kind, id, name }) => [kind, id, name]),
    [["pod", undefined, "default/a"]],
  );
});

test("ensure: the log directory of a sandbox whose creation failed stays, and the next call adopts it", async (t) => {
  const logRoot = await tempFolder(t);
  const { runtime } = await scripted(t);
  const uid = randomUUID();
  const logDirectory = join(logRoot, `default_a_${uid}`);
  // As real runtimes do.
  const makeLogDirectory: RpcInterceptor = (next) => async (request) => {
    if (request.method.name === "RunPodSandbox") await mkdir(logDirectory, { recursive: true });
    return next(request);
  };
  const transport = withInterceptors(runtime.transport, [makeLogDirectory]);
  const cri = connect.through({ transport, pods: { logRoot } });
  cleanup(t, () => cri.close());
  runtime.faults.failNext("runPodSandbox", failed, { when: "after" });
  await failure(cri.pods.ensure({ name: "a", uid }));
  const { pod, outcome } = await cri.pods.ensure({ name: "a", uid });
  assert.equal(outcome, "adopted");
  assert.ok(existsSync(logDirectory));
  const { container } = await pod.ensureContainer(main);
  assert.equal((await container.status()).state, "running");
  await pod.remove();
});

/** Faults of the lists that a roll-back needs: the look at what was created, and the look whether the pod has other attempts. */
const lists: Readonly<Record<string, readonly ChaosRule[]>> = {
  pod: [
    { fault: "fail", methods: ["runPodSandbox"], when: "after", code: "unavailable" },
    { fault: "corrupt", methods: ["streamPodSandboxes"], calls: [2] },
    { fault: "fail", methods: ["listPodSandbox"], calls: [1], code: "internal" },
  ],
  container: [
    { fault: "fail", methods: ["createContainer"], when: "after", code: "unavailable" },
    { fault: "fail", methods: ["streamContainers"], calls: [2], code: "internal" },
    { fault: "corrupt", methods: ["listPodSandbox"], calls: [1] },
  ],
};
for (const [what, rules] of Object.entries(lists))
  test(`the roll-back of a ${what} survives lists that fail: nothing remains, no logs, and nothing is listed as left over`, async (t) => {
    const logRoot = await tempFolder(t);
    const { runtime, cri } = await scripted(t);
    const options = { plan: { rules }, client: { pods: { logRoot } } };
    const { faulty, records } = await faultyClient(t, runtime.transport, options);
    const error = await failure(faulty.pods.runContainer({ name: "a" }, main));
    assert.deepEqual([error.code, error.leftovers], ["unavailable", []]);
    assert.deepEqual(
      records.map(({ rule }) => rule),
      rules.map((_, index) => `rules[${index}]`),
    );
    assert.deepEqual((await cri.runtime.listPodSandbox({})).items, []);
    assert.deepEqual(readdirSync(logRoot), []);
  });
