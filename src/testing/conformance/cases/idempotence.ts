import assert from "node:assert/strict";
import { ContainerState, PodSandboxState } from "../../../../gen/runtime/v1/api_pb.js";
import { casesOf } from "../case.js";
import { rejected } from "../rejection.js";

const none = "0123456789abcdef".repeat(4);

/** RPCs that may be repeated. */
export const idempotenceCases = casesOf("idempotence", {
  "sandbox-stopped-twice": {
    title: "a stopped sandbox can be stopped again",
    rule: "StopPodSandbox is idempotent: it succeeds for a sandbox in SANDBOX_NOTREADY, whose state does not change.",
    async run(context) {
      const pod = await context.stoppedPod();
      await context.runtime.stopPodSandbox({ podSandboxId: pod.id });
      assert.equal((await pod.status()).state, PodSandboxState.SANDBOX_NOTREADY);
    },
  },
  "sandbox-removed-twice": {
    title: "a removed sandbox can be removed again",
    rule: "RemovePodSandbox is idempotent: it succeeds for a removed sandbox.",
    async run(context) {
      const { id } = await context.pod();
      await context.runtime.stopPodSandbox({ podSandboxId: id });
      await context.runtime.removePodSandbox({ podSandboxId: id });
      await context.runtime.removePodSandbox({ podSandboxId: id });
    },
  },
  "removed-sandbox-stopped": {
    title: "a removed sandbox can be stopped",
    rule: "StopPodSandbox is idempotent: it succeeds for a removed sandbox.",
    async run(context) {
      const { id } = await context.pod();
      await context.runtime.removePodSandbox({ podSandboxId: id });
      await context.runtime.stopPodSandbox({ podSandboxId: id });
    },
  },
  "unknown-sandbox-stopped": {
    title: "stopping an unknown sandbox succeeds",
    rule: "StopPodSandbox succeeds for an unknown pod_sandbox_id.",
    async run({ runtime }) {
      await runtime.stopPodSandbox({ podSandboxId: none });
    },
  },
  "unknown-sandbox-removed": {
    title: "removing an unknown sandbox succeeds",
    rule: "RemovePodSandbox succeeds for an unknown pod_sandbox_id.",
    async run({ runtime }) {
      await runtime.removePodSandbox({ podSandboxId: none });
    },
  },
  "sandbox-removed-by-many": {
    title: "concurrent removals of a sandbox succeed",
    rule: "RemovePodSandbox may be repeated while another one is in flight; in the end the sandbox is removed.",
    async run(context) {
      const pod = await context.pod();
      const { runtime } = context;
      await runtime.stopPodSandbox({ podSandboxId: pod.id });
      const removals = Array.from({ length: 4 }, () => runtime.removePodSandbox({ podSandboxId: pod.id }));
      const results = await Promise.allSettled(removals);
      assert.ok(results.some(({ status }) => status === "fulfilled"));
      await runtime.removePodSandbox({ podSandboxId: pod.id });
      await rejected(pod.status(), "not_found");
    },
  },
  "container-stopped-twice": {
    title: "a stopped container can be stopped again, and its status does not change",
    rule: "StopContainer is idempotent: it succeeds for an exited container, whose status does not change.",
    async run(context) {
      const container = await context.start(context.commands.run);
      await container.stop(5);
      const first = await container.exited();
      await container.stop(5);
      assert.deepEqual(await container.status(), first);
    },
  },
  "exited-container-stopped": {
    title: "a container that ended by itself can be stopped, and keeps its exit code",
    rule: "StopContainer succeeds for an exited container, and does not change exit_code.",
    async run(context) {
      const container = await context.start(context.commands.exit(9));
      await container.exited();
      await container.stop();
      assert.equal((await container.status()).exitCode, 9);
    },
  },
  "created-container-stopped": {
    title: "a container that never started can be stopped",
    rule: "StopContainer succeeds for a container in CONTAINER_CREATED, which then never runs.",
    async run(context) {
      const container = await context.create(context.commands.run);
      await container.stop();
      assert.notEqual((await container.status()).state, ContainerState.CONTAINER_RUNNING);
    },
  },
  "unknown-container-stopped": {
    title: "stopping an unknown container succeeds",
    rule: "StopContainer succeeds for an unknown container_id.",
    async run({ runtime }) {
      await runtime.stopContainer({ containerId: none, timeout: 1n });
    },
  },
  "container-removed-twice": {
    title: "a removed container can be removed again",
    rule: "RemoveContainer is idempotent: it succeeds for a removed container.",
    async run(context) {
      const container = await context.create(context.commands.run);
      await container.remove();
      await context.runtime.removeContainer({ containerId: container.id });
    },
  },
  "unknown-container-removed": {
    title: "removing an unknown container succeeds",
    rule: "RemoveContainer succeeds for an unknown container_id.",
    async run({ runtime }) {
      await runtime.removeContainer({ containerId: none });
    },
  },
  "container-stopped-by-many": {
    title: "concurrent stops of a container succeed",
    rule: "StopContainer may be called while another one is in flight: all of them succeed.",
    async run(context) {
      const container = await context.start(context.commands.run);
      await Promise.all(Array.from({ length: 4 }, () => container.stop(5)));
      await container.exited();
    },
  },
  "image-removed-twice": {
    title: "a removed image can be removed again",
    rule: "RemoveImage is idempotent: it succeeds for an image that was removed.",
    async run(context) {
      const image = { image: await context.otherImage() };
      await context.image.pullImage({ image });
      await context.image.removeImage({ image });
      await context.image.removeImage({ image });
    },
  },
  "unknown-image-removed": {
    title: "removing an unknown image succeeds",
    rule: "RemoveImage succeeds for a name that no image on the node has.",
    async run({ image, images }) {
      await image.removeImage({ image: { image: images.missing } });
    },
  },
  "image-pulled-twice": {
    title: "an image can be pulled again, also concurrently",
    rule: "PullImage may be repeated, and run concurrently: each call returns the same id.",
    async run(context) {
      const image = { image: await context.otherImage() };
      const pulls = await Promise.all(Array.from({ length: 4 }, () => context.image.pullImage({ image })));
      pulls.push(await context.image.pullImage({ image }));
      assert.equal(new Set(pulls.map(({ imageRef }) => imageRef)).size, 1);
    },
  },
  "log-reopened-twice": {
    title: "a log can be reopened without a rotation",
    rule: "ReopenContainerLog may be called without a rotation: the log continues, and nothing is lost.",
    async run(context) {
      const container = await context.start(context.commands.tick);
      await container.log("a tick", (lines) => lines.length > 0);
      await context.runtime.reopenContainerLog({ containerId: container.id });
      await context.runtime.reopenContainerLog({ containerId: container.id });
      const { length } = await container.log("a tick", (lines) => lines.length > 0);
      const lines = await container.log("more ticks", (now) => now.length > length + 1);
      assert.deepEqual(
        lines.map(({ content }) => content),
        lines.map((_, index) => `tick ${index + 1}`),
      );
    },
  },
});
