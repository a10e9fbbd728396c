// A test on a recording of containerd 2.1. Run it with: node --import tsx --test replay.test.ts
//
// With RUNTIME=/run/containerd/containerd.sock it runs on that runtime, and records it anew.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { connect } from "cri-sdk";
import { fixtures, recording, replaying } from "cri-sdk/testing";
import { createTransport } from "cri-sdk/transport";
import { removePods } from "./clean-up.js";

const file = fileURLToPath(new URL("remove-pods.jsonl", import.meta.url));
const { RUNTIME } = process.env;

test("containerd: removes the pods of one namespace only, and each of them once", async () => {
  await using upstream = RUNTIME ? createTransport(RUNTIME) : replaying(file);
  await using transport = RUNTIME ? recording(upstream, file) : upstream;
  await using cri = connect.through(transport);

  for (const [name, namespace] of [
    ["web", "recorded-shop"],
    ["db", "recorded-shop"],
    ["dns", "recorded-system"],
  ] as const) {
    const config = fixtures.sandboxConfig({ metadata: { name, namespace }, logDirectory: "" });
    await cri.runtime.runPodSandbox({ config });
  }
  assert.equal(await removePods(cri, "recorded-shop"), 2);
  assert.equal(await removePods(cri, "recorded-shop"), 0);
  assert.equal(await removePods(cri, "recorded-system"), 1);

  if ("assertReplayed" in upstream) upstream.assertReplayed();
});
