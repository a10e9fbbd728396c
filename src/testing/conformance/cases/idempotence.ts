import assert from "node:assert/strict";
import { ContainerState, PodSandboxState } from "../../../../gen/runtime/v1/api_pb.js";
import { casesOf } from "../case.js";
import { rejected } from "../rejection.js";

const none = "0123456789abcdef".repeat(4);

/** What may be repeated. */
export const idempotenceCases = casesOf("idempotence", {
  "sandbox-stopped-twice": {
    title: "a stopped sandbox can be stopped again",
    rule: "StopPodSandbox is idempotent: a sandbox in SANDBOX_NOTREADY is success, and stays so.",
    async run(context) {
      const pod = await context.stoppedPod();
      await context.runtime.stopPodSandbox({ podSandboxId: pod.id });
      assert.equal((await pod.status()).state, PodSandboxState.SANDBOX_NOTREADY);
    },
  },
  "sandbox-removed-twice": {
    title: "a removed sandbox can be removed again",
    rule: "RemovePodSandbox is idempotent: a sandbox that is gone is success.",
    async run(context) {
      const { id } = await context.pod();
      await context.runtime.stopPodSandbox({ podSandboxId: id });
      await context.runtime.removePodSandbox({ podSandboxId: id });
      await context.runtime.removePodSandbox({ podSandboxId: id });
    },
  },
  "removed-sandbox-stopped": {
    title: "a removed sandbox can be stopped",
    rule: "StopPodSandbox is idempotent: a sandbox that is gone is success.",
    async run(context) {
      const { id } = await context.pod();
      await context.runtime.removePodSandbox({ podSandboxId: id });
      await context.runtime.stopPodSandbox({ podSandboxId: id });
    },
  },
  "unknown-sandbox-stopped": {
    title: "stopping a sandbox that never was is success",
    rule: "StopPodSandbox of an unknown pod_sandbox_id is success.",
    async run({ runtime }) {
      await runtime.stopPodSandbox({ podSandboxId: none });
    },
  },
  "unknown-sandbox-removed": {
    title: "removing a sandbox that never was is success",
    rule: "RemovePodSandbox of an unknown pod_sandbox_id is success.",
    async run({ runtime }) {
      await runtime.removePodSandbox({ podSandboxId: none });
    },
  },
  "sandbox-removed-by-many": {
    title: "a sandbox that many remove at once is removed",
    rule: "RemovePodSandbox may be repeated while another one is under way: in the end the sandbox is gone.",
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
    title: "a stopped container can be stopped again, and keeps its end",
    rule: "StopContainer is idempotent: an exited container is success, and its status does not change.",
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
    rule: "StopContainer of an exited container is success, and leaves exit_code as it is.",
    async run(context) {
      const container = await context.start(context.commands.exit(9));
      await container.exited();
      await container.stop();
      assert.equal((await container.status()).exitCode, 9);
    },
  },
  "created-container-stopped": {
    title: "a container that never started can be stopped",
    rule: "StopContainer of a container in CONTAINER_CREATED is success; it does not run.",
    async run(context) {
      const container = await context.create(context.commands.run);
      await container.stop();
      assert.notEqual((await container.status()).state, ContainerState.CONTAINER_RUNNING);
    },
  },
  "unknown-container-stopped": {
    title: "stopping a container that never was is success",
    rule: "StopContainer of an unknown container_id is success.",
    async run({ runtime }) {
      await runtime.stopContainer({ containerId: none, timeout: 1n });
    },
  },
  "container-removed-twice": {
    title: "a removed container can be removed again",
    rule: "RemoveContainer is idempotent: a container that is gone is success.",
    async run(context) {
      const { id } = await context.create(context.commands.run);
      await context.runtime.removeContainer({ containerId: id });
      await context.runtime.removeContainer({ containerId: id });
    },
  },
  "unknown-container-removed": {
    title: "removing a container that never was is success",
    rule: "RemoveContainer of an unknown container_id is success.",
    async run({ runtime }) {
      await runtime.removeContainer({ containerId: none });
    },
  },
  "container-stopped-by-many": {
    title: "a container that many stop at once is stopped",
    rule: "StopContainer may be called while another one is under way: all succeed.",
    async run(context) {
      const container = await context.start(context.commands.run);
      await Promise.all(Array.from({ length: 4 }, () => container.stop(5)));
      await container.exited();
    },
  },
  "image-removed-twice": {
    title: "a removed image can be removed again",
    rule: "RemoveImage is idempotent: an image that is not on the node is success.",
    async run(context) {
      const image = { image: await context.otherImage() };
      await context.image.pullImage({ image });
      await context.image.removeImage({ image });
      await context.image.removeImage({ image });
    },
  },
  "unknown-image-removed": {
    title: "removing an image that never was is success",
    rule: "RemoveImage of a name that is not on the node is success.",
    async run({ image, images }) {
      await image.removeImage({ image: { image: images.missing } });
    },
  },
  "image-pulled-twice": {
    title: "an image can be pulled again, and by many at once",
    rule: "PullImage may be repeated, and run side by side: each answers the same id.",
    async run(context) {
      const image = { image: await context.otherImage() };
      const pulls = await Promise.all(Array.from({ length: 4 }, () => context.image.pullImage({ image })));
      pulls.push(await context.image.pullImage({ image }));
      assert.equal(new Set(pulls.map(({ imageRef }) => imageRef)).size, 1);
    },
  },
  "log-reopened-twice": {
    title: "a log can be reopened where it is",
    rule: "ReopenContainerLog may be called without a rotation: the log goes on, and nothing is lost.",
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
