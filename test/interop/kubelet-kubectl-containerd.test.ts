// kubectl against a kubelet of this package on containerd 2.1, through an API server. Needs root.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, before, test } from "node:test";
import { installKubectl } from "../../scripts/interop/kubectl.js";
import { leftovers, type RunningRuntimes, startRuntimes } from "../../scripts/runtimes/index.js";
import { connect } from "../../src/index.js";
import { cleanup } from "../support/cleanup.js";
import { kubectlCases } from "../support/kubectl-cases.js";
import { startKubectlNode } from "../support/kubectl-node.js";

const isRoot = process.getuid?.() === 0;
let running: RunningRuntimes | undefined;

before(
  async () => {
    if (isRoot) running = await startRuntimes({ which: ["2.1"] });
  },
  { timeout: 300_000 },
);

after(
  async () => {
    if (!running) return;
    await running.stop();
    assert.deepEqual(leftovers(running.dir), []);
    assert.equal(existsSync(running.dir), false);
  },
  { timeout: 120_000 },
);

for (const [release, webSockets] of [
  ["1.36", true],
  ["1.32", false],
] as const)
  test(`containerd 2.1, kubectl ${release}, with ${webSockets ? "WebSocket" : "SPDY"} to the kubelet`, {
    timeout: 900_000,
    skip: isRoot ? false : "containerd needs root",
  }, async (t) => {
    const [runtime] = running?.runtimes ?? [];
    assert.ok(running && runtime);
    const kubectl = await installKubectl({ release });
    const cri = await connect(runtime.endpoint);
    cleanup(t, () => cri.close());
    const node = await startKubectlNode(t, {
      ...{ cri, kubectl, webSockets },
      rootDir: `${running.dir}/kubelet-${release}`,
      kubelet: { node: { cgroupRoot: running.cgroupParent } },
    });
    await kubectlCases(t, node, {
      image: running.images.busybox,
      folder: "/tmp",
      pong: (port) => ["nc", "-ll", "-p", String(port), "-e", "echo", "pong"],
      hasTerminals: true,
    });
  });
