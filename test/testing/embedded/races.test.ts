import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "../../../src/index.js";
import { EmbeddedRuntime } from "../../../src/testing/index.js";
import { cleanup } from "../../support/cleanup.js";
import { busybox, sandboxConfig, scripted, start } from "../../support/embedded.js";
import { failure } from "../../support/failure.js";
import { checkLeaks } from "../../support/leaks.js";
import { within } from "../../support/waiting.js";

test("removing a pod while containers are created in it leaves no container", async (t) => {
  checkLeaks(t);
  const runtime = await EmbeddedRuntime.start({ preload: [busybox] });
  cleanup(t, () => within(20_000, runtime.close(), "close()"));
  const cri = connect.through(runtime);
  for (let round = 0; round < 5; round++) {
    const config = sandboxConfig(`pod-${round}`);
    const { podSandboxId } = await cri.runtime.runPodSandbox({ config });
    const creates = Array.from({ length: 8 }, (_, n) =>
      cri.runtime.createContainer({
        podSandboxId,
        config: {
          metadata: { name: `c${n}`, attempt: 0 },
          image: { image: busybox },
          command: ["sleep", "9"],
        },
        sandboxConfig: config,
      }),
    );
    const settled = Promise.allSettled(creates);
    await cri.runtime.removePodSandbox({ podSandboxId });
    await settled;
  }
  assert.deepEqual((await cri.runtime.listContainers({})).containers, []);
  assert.deepEqual((await cri.runtime.listPodSandbox({})).items, []);
});

test("a container that is started, stopped and removed concurrently ends up removed", async (t) => {
  const { cri } = await scripted(t);
  for (let round = 0; round < 20; round++) {
    const { podSandboxId, config } = await start(cri, ["run"], `pod-${round}`);
    const { containerId } = await cri.runtime.createContainer({
      podSandboxId,
      config: { metadata: { name: "d", attempt: 0 }, image: { image: busybox }, command: ["run"] },
      sandboxConfig: config,
    });
    await Promise.allSettled([
      cri.runtime.startContainer({ containerId }),
      cri.runtime.startContainer({ containerId }),
      cri.runtime.stopContainer({ containerId, timeout: 1n }),
      cri.runtime.removeContainer({ containerId }),
      cri.runtime.removeContainer({ containerId }),
    ]);
    assert.equal((await failure(cri.runtime.containerStatus({ containerId }))).reason, "object_missing");
    await Promise.all([
      cri.runtime.removePodSandbox({ podSandboxId }),
      cri.runtime.removePodSandbox({ podSandboxId }),
    ]);
  }
  assert.deepEqual((await cri.runtime.listContainers({})).containers, []);
});

test("a container's stdin stays open after many attach sessions", async (t) => {
  const { cri } = await scripted(t);
  const warnings: unknown[] = [];
  const note = (warning: unknown) => warnings.push(warning);
  process.on("warning", note);
  cleanup(t, () => process.off("warning", note));
  const config = sandboxConfig("chat");
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config });
  const { containerId } = await cri.runtime.createContainer({
    podSandboxId,
    config: { metadata: { name: "c", attempt: 0 }, image: { image: busybox }, command: ["cat"], stdin: true },
    sandboxConfig: config,
  });
  await cri.runtime.startContainer({ containerId });
  for (let n = 0; n < 15; n++) {
    await using session = await cri.attach(containerId, { stdin: true, keepStdinOpen: true });
    session.stdin?.write(`${n}`);
    for await (const part of session.stdout ?? []) {
      assert.equal(String(part), `${n}`);
      break;
    }
  }
  await new Promise(setImmediate);
  assert.deepEqual(warnings, []);
});
