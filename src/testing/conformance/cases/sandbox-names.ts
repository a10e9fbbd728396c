import assert from "node:assert/strict";
import { casesOf } from "../case.js";
import type { ConformanceContext, PodConfig } from "../context.js";

/** The ids of the sandboxes whose metadata have this uid. */
async function withUid({ runtime }: ConformanceContext, { metadata: { uid } }: PodConfig): Promise<string[]> {
  const { items } = await runtime.listPodSandbox();
  return items.filter(({ metadata }) => metadata?.uid === uid).map(({ id }) => id);
}

/** The metadata of a sandbox as its name. */
export const sandboxNameCases = casesOf("sandbox", {
  "same-metadata-makes-no-second-one": {
    title: "running the same metadata again makes no second sandbox",
    rule: "Name, uid, namespace and attempt of PodSandboxMetadata together are unique: RunPodSandbox makes no second one.",
    async run(context) {
      const pod = await context.sharedPod();
      // containerd refuses, and CRI-O answers with the id that there is.
      await context.runtime.runPodSandbox({ config: pod.config }).catch(() => undefined);
      assert.deepEqual(await withUid(context, pod.config), [pod.id]);
    },
  },
  "stopped-one-keeps-its-name": {
    title: "a stopped sandbox still has its name",
    rule: "A sandbox keeps its metadata to itself until RemovePodSandbox, in SANDBOX_NOTREADY as well.",
    async run(context) {
      const pod = await context.stoppedPod();
      await context.runtime.runPodSandbox({ config: pod.config }).catch(() => undefined);
      assert.deepEqual(await withUid(context, pod.config), [pod.id]);
    },
  },
  "next-attempt-is-another-one": {
    title: "the next attempt of a pod is another sandbox beside the first",
    rule: "PodSandboxMetadata.attempt is part of the name: RunPodSandbox with a raised one makes another sandbox.",
    async run(context) {
      const first = await context.pod();
      const { name, uid } = first.config.metadata;
      const second = await context.pod({ name, uid, attempt: 1 });
      assert.notEqual(second.id, first.id);
      assert.deepEqual((await withUid(context, first.config)).sort(), [first.id, second.id].sort());
    },
  },
  "name-is-free-after-removal": {
    title: "the metadata of a removed sandbox can be used again, for another id",
    rule: "RemovePodSandbox gives back the sandbox's metadata; ids are never used again.",
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
    title: "two namespaces can have pods of one name",
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
    title: "a sandbox that could not be run does not keep its name",
    rule: "After a failed RunPodSandbox, the same metadata can be run.",
    async run(context) {
      const config = context.podConfig();
      const failing = context.runtime.runPodSandbox({ config, runtimeHandler: "no-such-handler" });
      await assert.rejects(failing);
      const { podSandboxId } = await context.runtime.runPodSandbox({ config });
      assert.deepEqual(await withUid(context, config), [podSandboxId]);
    },
  },
});
