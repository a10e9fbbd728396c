import assert from "node:assert/strict";
import { casesOf } from "../case.js";

/** Collects the items of a streamed list. */
async function all<M, T>(stream: AsyncIterable<M>, items: (message: M) => readonly T[]): Promise<T[]> {
  const collected: T[] = [];
  for await (const message of stream) collected.push(...items(message));
  return collected;
}

const byId = (one: { readonly id: string }, other: { readonly id: string }) => one.id.localeCompare(other.id);

/** Streamed lists. Filters exclude objects of other cases. */
export const streamListCases = casesOf("limits", {
  "streamed-sandboxes-are-the-list": {
    title: "the streamed sandboxes equal the list",
    rule: "All messages of StreamPodSandboxes together equal the response of ListPodSandbox for the same filter.",
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
    title: "the streamed containers equal the list",
    rule: "All messages of StreamContainers together equal the response of ListContainers for the same filter.",
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
    title: "the streamed stats are those of the listed containers",
    rule: "All messages of StreamContainerStats together cover the containers of ListContainerStats.",
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
    title: "the streamed stats are those of the listed sandboxes",
    rule: "All messages of StreamPodSandboxStats together cover the sandboxes of ListPodSandboxStats.",
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
    rule: "All messages of StreamPodSandboxMetrics together have one entry for each sandbox.",
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
    title: "the streamed images equal the list",
    rule: "All messages of StreamImages together equal the response of ListImages for the same filter.",
    async run(context) {
      await context.sharedPod();
      const streamed = await all(context.image.streamImages(), ({ images }) => images);
      const { images } = await context.image.listImages();
      assert.deepEqual(streamed.sort(byId), images.sort(byId));
      assert.notEqual(streamed.length, 0);
    },
  },
});
