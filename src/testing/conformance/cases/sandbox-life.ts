import assert from "node:assert/strict";
import { ContainerState, PodSandboxState } from "../../../../gen/runtime/v1/api_pb.js";
import { casesOf } from "../case.js";
import type { ConformanceContext, PodConfig } from "../context.js";
import { rejected } from "../rejection.js";
import { soon } from "../soon.js";

const { SANDBOX_READY, SANDBOX_NOTREADY } = PodSandboxState;

/** The sandbox's life cycle, from RunPodSandbox to RemovePodSandbox. */
export const sandboxLifeCases = casesOf("sandbox", {
  "run-makes-it-ready": {
    title: "a sandbox is ready when RunPodSandbox returns",
    rule: "After RunPodSandbox, PodSandboxStatus.state is SANDBOX_READY.",
    async run(context) {
      const pod = await context.pod();
      assert.equal((await pod.status()).state, SANDBOX_READY);
    },
  },
  "run-returns-the-whole-id": {
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
  "removed-is-not-listed": {
    title: "a removed sandbox is not listed and has no status",
    rule: "After RemovePodSandbox, ListPodSandbox does not have the sandbox, and PodSandboxStatus returns NotFound.",
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
      await soon((options) => context.runtime.stopPodSandbox({ podSandboxId: pod.id }, options));
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
      // Afterwards the container handles SIGTERM. CRI-O would give it until the deadline otherwise.
      await context.runtime.execSync({ containerId: id, cmd: [...context.commands.exit(0)] });
      await context.runtime.stopPodSandbox({ podSandboxId: pod.id });
      const { containers } = await context.runtime.listContainers({ filter: { podSandboxId: pod.id } });
      assert.deepEqual(
        containers.map((one) => one.id),
        [id],
      );
    },
  },
  "remove-removes-its-containers": {
    title: "removing a sandbox removes its containers in any state",
    rule: "RemovePodSandbox ends and removes all containers in the sandbox.",
    async run(context) {
      const pod = await context.pod();
      const containers = [
        await pod.create(context.commands.run),
        await pod.start(context.commands.run),
        await pod.start(context.commands.exit(0)),
      ];
      await soon((options) => context.runtime.stopPodSandbox({ podSandboxId: pod.id }, options));
      await context.runtime.removePodSandbox({ podSandboxId: pod.id });
      for (const container of containers) await rejected(container.status(), "not_found");
      const { containers: remaining } = await context.runtime.listContainers();
      assert.ok(!remaining.some(({ podSandboxId }) => podSandboxId === pod.id));
    },
  },
  "stop-affects-no-other": {
    title: "stopping a sandbox does not affect other sandboxes",
    rule: "StopPodSandbox affects one sandbox: another one stays SANDBOX_READY, and its containers keep running.",
    async run(context) {
      const [stopped, other] = await Promise.all([context.pod(), context.sharedPod()]);
      const container = await other.start(context.commands.run);
      await context.runtime.stopPodSandbox({ podSandboxId: stopped.id });
      assert.equal((await other.status()).state, SANDBOX_READY);
      assert.equal((await container.status()).state, ContainerState.CONTAINER_RUNNING);
    },
  },
  "unknown-handler-is-refused": {
    title: "an unknown runtime handler is refused and leaves no sandbox",
    rule: "RunPodSandboxRequest.runtime_handler with an unknown name fails RunPodSandbox.",
    async run(context) {
      const config = context.podConfig();
      await rejected(context.runtime.runPodSandbox({ config, runtimeHandler: "no-such-handler" }));
      const { items } = await context.runtime.listPodSandbox();
      assert.ok(!items.some(({ metadata }) => metadata?.uid === config.metadata.uid));
    },
  },
});

/** Returns the ids of the sandboxes with this uid. */
async function withUid({ runtime }: ConformanceContext, { metadata: { uid } }: PodConfig): Promise<string[]> {
  const { items } = await runtime.listPodSandbox();
  return items.filter(({ metadata }) => metadata?.uid === uid).map(({ id }) => id);
}

/** The uniqueness of sandbox metadata. */
export const sandboxNameCases = casesOf("sandbox", {
  "same-metadata-makes-no-second-one": {
    title: "running the same metadata again creates no second sandbox",
    rule: "Name, uid, namespace and attempt of PodSandboxMetadata together are unique: a second RunPodSandbox creates no sandbox.",
    async run(context) {
      const pod = await context.sharedPod();
      // containerd refuses, and CRI-O returns the existing id.
      await context.runtime.runPodSandbox({ config: pod.config }).catch(() => undefined);
      assert.deepEqual(await withUid(context, pod.config), [pod.id]);
    },
  },
  "stopped-one-keeps-its-name": {
    title: "a stopped sandbox keeps its name",
    rule: "A sandbox's metadata stays reserved until RemovePodSandbox, in SANDBOX_NOTREADY as well.",
    async run(context) {
      const pod = await context.stoppedPod();
      await context.runtime.runPodSandbox({ config: pod.config }).catch(() => undefined);
      assert.deepEqual(await withUid(context, pod.config), [pod.id]);
    },
  },
  "next-attempt-is-another-one": {
    title: "the next attempt of a pod is another sandbox",
    rule: "PodSandboxMetadata.attempt is part of the name: RunPodSandbox with a higher one creates another sandbox.",
    async run(context) {
      const first = await context.pod();
      const { name, uid } = first.config.metadata;
      const second = await context.pod({ name, uid, attempt: 1 });
      assert.notEqual(second.id, first.id);
      assert.deepEqual((await withUid(context, first.config)).sort(), [first.id, second.id].sort());
    },
  },
  "name-is-free-after-removal": {
    title: "the metadata of a removed sandbox can be reused and gets another id",
    rule: "RemovePodSandbox releases the sandbox's metadata; ids are never reused.",
    async run(context) {
      const first = await context.pod();
      const podSandboxId = first.id;
      await context.runtime.stopPodSandbox({ podSandboxId });
      await context.runtime.removePodSandbox({ podSandboxId });
      const second = await context.runtime.runPodSandbox({ config: first.config });
      assert.notEqual(second.podSandboxId, first.id);
      assert.deepEqual(await withUid(context, first.config), [second.podSandboxId]);
    },
  },
  "same-name-in-two-namespaces": {
    title: "two namespaces can have pods with the same name",
    rule: "PodSandboxMetadata.namespace is part of the name for RunPodSandbox.",
    async run(context) {
      const name = context.name();
      const first = await context.pod({ name, namespace: "one" });
      const { uid } = first.config.metadata;
      const second = await context.pod({ name, uid, namespace: "two" });
      assert.notEqual(second.id, first.id);
      assert.equal((await second.status()).metadata?.namespace, "two");
    },
  },
  "failed-run-keeps-no-name": {
    title: "a failed RunPodSandbox does not reserve the name",
    rule: "After a failed RunPodSandbox, the same metadata can be used again.",
    async run(context) {
      const config = context.podConfig();
      const failing = context.runtime.runPodSandbox({ config, runtimeHandler: "no-such-handler" });
      await assert.rejects(failing);
      const { podSandboxId } = await context.runtime.runPodSandbox({ config });
      assert.deepEqual(await withUid(context, config), [podSandboxId]);
    },
  },
});
