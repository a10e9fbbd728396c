import assert from "node:assert/strict";
import { ContainerState, PodSandboxState } from "../../../../gen/runtime/v1/api_pb.js";
import { casesOf } from "../case.js";
import { rejected } from "../rejection.js";

const { SANDBOX_READY, SANDBOX_NOTREADY } = PodSandboxState;

/** From RunPodSandbox to RemovePodSandbox. */
export const sandboxLifeCases = casesOf("sandbox", {
  "run-makes-it-ready": {
    title: "a sandbox is ready as soon as it was run",
    rule: "After RunPodSandbox, PodSandboxStatus.state is SANDBOX_READY.",
    async run(context) {
      const pod = await context.pod();
      assert.equal((await pod.status()).state, SANDBOX_READY);
    },
  },
  "run-answers-the-whole-id": {
    title: "the id from RunPodSandbox is the one in status and list",
    rule: "RunPodSandboxResponse.pod_sandbox_id is the whole id, as PodSandboxStatus.id and PodSandbox.id are.",
    async run(context) {
      const pod = await context.sharedPod();
      assert.notEqual(pod.id, "");
      const { items } = await context.runtime.listPodSandbox({ filter: { id: pod.id } });
      assert.deepEqual([(await pod.status()).id, ...items.map(({ id }) => id)], [pod.id, pod.id]);
    },
  },
  "stop-makes-it-not-ready": {
    title: "a stopped sandbox is not ready",
    rule: "After StopPodSandbox, PodSandboxStatus.state is SANDBOX_NOTREADY.",
    async run(context) {
      const pod = await context.pod();
      await context.runtime.stopPodSandbox({ podSandboxId: pod.id });
      assert.equal((await pod.status()).state, SANDBOX_NOTREADY);
    },
  },
  "stopped-stays-listed": {
    title: "a stopped sandbox stays in the list",
    rule: "StopPodSandbox leaves the sandbox in ListPodSandbox, as SANDBOX_NOTREADY, until RemovePodSandbox.",
    async run(context) {
      const { id } = await context.stoppedPod();
      const { items } = await context.runtime.listPodSandbox({ filter: { id } });
      assert.deepEqual(
        items.map(({ state }) => state),
        [SANDBOX_NOTREADY],
      );
    },
  },
  "remove-takes-it-off-the-list": {
    title: "a removed sandbox is in no list, and has no status",
    rule: "After RemovePodSandbox, ListPodSandbox does not have the sandbox, and PodSandboxStatus answers NotFound.",
    async run(context) {
      const pod = await context.pod();
      await context.runtime.stopPodSandbox({ podSandboxId: pod.id });
      await context.runtime.removePodSandbox({ podSandboxId: pod.id });
      const { items } = await context.runtime.listPodSandbox();
      assert.ok(!items.some(({ id }) => id === pod.id));
      await rejected(pod.status(), "not_found");
    },
  },
  "remove-stops-a-ready-one": {
    title: "a ready sandbox can be removed",
    rule: "RemovePodSandbox of a sandbox in SANDBOX_READY stops it first, and removes it.",
    async run(context) {
      const pod = await context.pod();
      await context.runtime.removePodSandbox({ podSandboxId: pod.id });
      await rejected(pod.status(), "not_found");
    },
  },
  "stop-ends-its-containers": {
    title: "stopping a sandbox ends the containers in it",
    rule: "StopPodSandbox ends the containers that still run in the sandbox: they are CONTAINER_EXITED.",
    async run(context) {
      const pod = await context.pod();
      const containers = [
        await pod.start(context.commands.run),
        await pod.start(context.commands.ignoreTerm),
      ];
      await context.runtime.stopPodSandbox({ podSandboxId: pod.id });
      for (const container of containers)
        assert.equal((await container.exited()).state, ContainerState.CONTAINER_EXITED);
    },
  },
  "stop-keeps-its-containers-listed": {
    title: "the containers of a stopped sandbox stay in the list",
    rule: "StopPodSandbox removes no container: ListContainers has them until RemoveContainer or RemovePodSandbox.",
    async run(context) {
      const pod = await context.pod();
      const { id } = await pod.start(context.commands.run);
      await context.runtime.stopPodSandbox({ podSandboxId: pod.id });
      const { containers } = await context.runtime.listContainers({ filter: { podSandboxId: pod.id } });
      assert.deepEqual(
        containers.map((one) => one.id),
        [id],
      );
    },
  },
  "remove-removes-its-containers": {
    title: "removing a sandbox removes its containers, whatever their state",
    rule: "RemovePodSandbox ends and removes all containers in the sandbox.",
    async run(context) {
      const pod = await context.pod();
      const containers = [
        await pod.create(context.commands.run),
        await pod.start(context.commands.run),
        await pod.start(context.commands.exit(0)),
      ];
      await context.runtime.stopPodSandbox({ podSandboxId: pod.id });
      await context.runtime.removePodSandbox({ podSandboxId: pod.id });
      for (const container of containers) await rejected(container.status(), "not_found");
      const { containers: left } = await context.runtime.listContainers();
      assert.ok(!left.some(({ podSandboxId }) => podSandboxId === pod.id));
    },
  },
  "stop-leaves-others-alone": {
    title: "stopping a sandbox changes no other",
    rule: "StopPodSandbox is about one sandbox: another one stays SANDBOX_READY, and its containers run on.",
    async run(context) {
      const [stopped, other] = await Promise.all([context.pod(), context.sharedPod()]);
      const container = await other.start(context.commands.run);
      await context.runtime.stopPodSandbox({ podSandboxId: stopped.id });
      assert.equal((await other.status()).state, SANDBOX_READY);
      assert.equal((await container.status()).state, ContainerState.CONTAINER_RUNNING);
    },
  },
  "unknown-handler-is-refused": {
    title: "a runtime handler that is not there is refused, and leaves no sandbox",
    rule: "RunPodSandboxRequest.runtime_handler with an unknown name fails RunPodSandbox.",
    async run(context) {
      const config = context.podConfig();
      await rejected(context.runtime.runPodSandbox({ config, runtimeHandler: "no-such-handler" }));
      const { items } = await context.runtime.listPodSandbox();
      assert.ok(!items.some(({ metadata }) => metadata?.uid === config.metadata.uid));
    },
  },
});
