// Pods that start at the same time read the facts of their node once.
import assert from "node:assert/strict";
import { test } from "node:test";
import { play, playground, script } from "../../support/played-pods.js";

const names = ["a", "b", "c"];

test("pods that are played at a time read the facts of the node once; later ones read them again", async (t) => {
  const node = await playground(t);
  const spec = { terminationGracePeriodSeconds: 1, containers: [script("c", "sleep 100")] };
  const manifest = (name: string) => ({ metadata: { name, namespace: "test" }, spec });
  const readings = () => node.runtime.calls.of("runtimeConfig").length;
  await Promise.all(names.map((name) => play(t, node, manifest(name))));
  assert.equal(readings(), 1);
  await play(t, node, manifest("later"));
  assert.equal(readings(), 2);
});

test("pods with other overrides or folders read the facts for themselves, and a failed reading is not kept", async (t) => {
  const node = await playground(t);
  const spec = { terminationGracePeriodSeconds: 1, containers: [script("c", "sleep 100")] };
  const manifest = (name: string) => ({ metadata: { name, namespace: "test" }, spec });
  const named = await Promise.all(
    names.map((name) => {
      const env = [{ name: "NODE", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } }];
      const container = { ...script("c", 'echo "$NODE"; sleep 100'), env };
      const pod = { ...manifest(name), spec: { ...spec, containers: [container] } };
      return play(t, node, pod, { node: { nodeName: `node-${name}` } });
    }),
  );
  for (const [index, pod] of named.entries()) {
    await pod.wait({ until: "ready", timeoutMs: 20_000 });
    for await (const { text } of pod.logs({ follow: true })) {
      assert.equal(text, `node-${names[index]}`);
      break;
    }
  }
  node.runtime.faults.failNext("runtimeConfig", { code: "internal", message: "no" });
  const failed = await Promise.allSettled(["d", "e"].map((name) => play(t, node, manifest(name))));
  assert.deepEqual(
    failed.map(({ status }) => status),
    ["rejected", "rejected"],
  );
  await play(t, node, manifest("d"));
});
