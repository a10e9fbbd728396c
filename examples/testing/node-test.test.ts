// Tests with node:test and a runtime in memory. Run them with: node --import tsx --test node-test.test.ts
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { type Cri, connect } from "cri-sdk";
import { EmbeddedRuntime, fixtures } from "cri-sdk/testing";
import { removePods } from "./clean-up.js";

let runtime: EmbeddedRuntime;
let cri: Cri;

beforeEach(async () => {
  runtime = await EmbeddedRuntime.start({ programs: {} });
  cri = connect.through(runtime);
  for (const [name, namespace] of [
    ["web", "shop"],
    ["db", "shop"],
    ["dns", "kube-system"],
  ] as const)
    await cri.runtime.runPodSandbox({
      // Without a log directory, nothing is written to /var/log/pods.
      config: fixtures.sandboxConfig({ metadata: { name, namespace }, logDirectory: "" }),
    });
  runtime.calls.clear();
});

afterEach(async () => {
  await runtime.close();
  // Fails if a fault of the test has not happened.
  runtime.faults.assertNoPendingFaults();
});

test("removes the pods of one namespace only", async () => {
  assert.equal(await removePods(cri, "shop"), 2);
  const left = await cri.lists.podSandboxes().collect();
  assert.deepEqual(
    left.map(({ metadata }) => metadata?.name),
    ["dns"],
  );
});

test("a pod that cannot be stopped does not affect the others", async () => {
  runtime.faults.failNext("stopPodSandbox", { code: "unknown", message: "the network plugin failed" });
  assert.equal(await removePods(cri, "shop"), 1);
  assert.equal(runtime.calls.of("removePodSandbox").length, 1);
  assert.equal(await removePods(cri, "shop"), 1);
});

test("the SDK retries after the connection breaks", async () => {
  runtime.faults.cutConnection("removePodSandbox", { when: "after" });
  assert.equal(await removePods(cri, "kube-system"), 1);
  const calls = runtime.calls.of("removePodSandbox");
  assert.deepEqual(
    calls.map(({ error }) => error?.code),
    ["unavailable", undefined],
  );
});
