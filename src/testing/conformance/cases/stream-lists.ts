import assert from "node:assert/strict";
import { casesOf } from "../case.js";

/** All items of a stream of chunks. */
async function all<M, T>(stream: AsyncIterable<M>, items: (message: M) => readonly T[]): Promise<T[]> {
  const collected: T[] = [];
  for await (const message of stream) collected.push(...items(message));
  return collected;
}

const byId = (one: { readonly id: string }, other: { readonly id: string }) => one.id.localeCompare(other.id);

/** Lists that come in pieces; what comes and goes beside is left out by filters. */
export const streamListCases = casesOf("limits", {
  "streamed-sandboxes-are-the-list": {
    title: "the streamed sandboxes are those of the list",
    rule: "All pieces of StreamPodSandboxes together are what ListPodSandbox answers for the same filter.",
    async run(context) {
      const { config } = await context.sharedPod();
      await context.stoppedPod();
      const filter = { labelSelector: { "shared-by": config.labels["shared-by"] ?? "" } };
      const streamed = await all(
        context.runtime.streamPodSandboxes({ filter }),
        ({ podSandboxes }) => podSandboxes,
      );
      const { items } = await context.runtime.listPodSandbox({ filter });
      assert.deepEqual(streamed.sort(byId), items.sort(byId));
      assert.equal(streamed.length, 2);
    },
  },
  "streamed-containers-are-the-list": {
    title: "the streamed containers are those of the list",
    rule: "All pieces of StreamContainers together are what ListContainers answers for the same filter.",
    async run(context) {
      const { podId } = await context.sharedContainer();
      await context.create(context.commands.run);
      const filter = { podSandboxId: podId };
      const streamed = await all(
        context.runtime.streamContainers({ filter }),
        ({ containers }) => containers,
      );
      const { containers } = await context.runtime.listContainers({ filter });
      assert.deepEqual(streamed.sort(byId), containers.sort(byId));
      assert.ok(streamed.length >= 2);
    },
  },
  "streamed-container-stats-are-the-list": {
    title: "the streamed figures of containers are of those in the list",
    rule: "All pieces of StreamContainerStats together are of the containers of ListContainerStats.",
    async run(context) {
      const { id, podId } = await context.sharedContainer();
      const filter = { podSandboxId: podId };
      const pieces = context.runtime.streamContainerStats({ filter });
      const streamed = (await all(pieces, ({ containerStats }) => containerStats)).map(
        ({ attributes }) => attributes?.id,
      );
      const { stats } = await context.runtime.listContainerStats({ filter });
      assert.deepEqual(streamed.sort(), stats.map(({ attributes }) => attributes?.id).sort());
      assert.ok(streamed.includes(id));
    },
  },
  "streamed-pod-stats-are-the-list": {
    title: "the streamed figures of sandboxes are of those in the list",
    rule: "All pieces of StreamPodSandboxStats together are of the sandboxes of ListPodSandboxStats.",
    async run(context) {
      const { id } = await context.sharedPod();
      const pieces = context.runtime.streamPodSandboxStats({ filter: { id } });
      const streamed = await all(pieces, ({ podSandboxStats }) => podSandboxStats);
      assert.deepEqual(
        streamed.map(({ attributes }) => attributes?.id),
        [id],
      );
    },
  },
  "streamed-metrics-have-the-pod": {
    title: "the streamed metrics have every pod once",
    rule: "All pieces of StreamPodSandboxMetrics together have one entry for each sandbox.",
    async run(context) {
      const { podId } = await context.sharedContainer();
      const pieces = context.runtime.streamPodSandboxMetrics();
      const ids = (await all(pieces, ({ podSandboxMetrics }) => podSandboxMetrics)).map(
        (one) => one.podSandboxId,
      );
      assert.equal(ids.filter((id) => id === podId).length, 1);
      assert.equal(new Set(ids).size, ids.length);
    },
  },
  "streamed-images-are-the-list": {
    title: "the streamed images are those of the list",
    rule: "All pieces of StreamImages together are what ListImages answers for the same filter.",
    async run(context) {
      await context.sharedPod();
      const streamed = await all(context.image.streamImages(), ({ images }) => images);
      const { images } = await context.image.listImages();
      assert.deepEqual(streamed.sort(byId), images.sort(byId));
      assert.notEqual(streamed.length, 0);
    },
  },
});
