import assert from "node:assert/strict";
import { ContainerState } from "../../../../gen/runtime/v1/api_pb.js";
import { casesOf } from "../case.js";
import type { ConformanceContext } from "../context.js";

const { CONTAINER_CREATED, CONTAINER_RUNNING, CONTAINER_EXITED } = ContainerState;

type Filter = NonNullable<Parameters<ConformanceContext["runtime"]["listContainers"]>[0]>["filter"];

/** Returns the sorted ids that a filter selects. */
async function found({ runtime }: ConformanceContext, filter: Filter): Promise<string[]> {
  const { containers } = await runtime.listContainers(filter ? { filter } : {});
  return containers.map(({ id }) => id).sort();
}

/** A created, a running and an exited container with a common label. */
async function threeStates(context: ConformanceContext) {
  const { created, running, exited, label } = await context.sharedStates();
  const selector = { [label]: running.labels[label] ?? "" };
  return { created, running, exited, selector, all: [created.id, running.id, exited.id].sort() };
}

/** ListContainers and its filter. */
export const containerListCases = casesOf("container", {
  "list-has-all": {
    title: "a list without a filter has containers in every state",
    rule: "ListContainersRequest.filter unset lists all containers of all sandboxes, in every state.",
    async run(context) {
      const { all } = await threeStates(context);
      const listed = await found(context, undefined);
      assert.deepEqual(
        all.filter((id) => !listed.includes(id)),
        [],
      );
      assert.ok((await found(context, { id: "", podSandboxId: "" })).includes(all[0] ?? ""));
    },
  },
  "list-item-equals-status": {
    title: "a listed container equals its status",
    rule: "Container has metadata, state, created_at, labels and annotations as ContainerStatus has them, and its sandbox.",
    async run(context) {
      const container = await context.start(context.commands.run, { annotations: { note: "listed" } });
      const { containers } = await context.runtime.listContainers({ filter: { id: container.id } });
      const { id, metadata, state, createdAt, labels, annotations } = await container.status();
      const [item] = containers;
      assert.deepEqual(
        [item?.id, item?.metadata, item?.state, item?.createdAt, item?.labels, item?.annotations],
        [id, metadata, state, createdAt, labels, annotations],
      );
      assert.equal(item?.podSandboxId, container.podId);
    },
  },
  "list-names-the-image": {
    title: "a listed container has the image from its config",
    rule: "ListContainers: Container.image is ContainerConfig.image, and image_ref is not empty.",
    async run(context) {
      const { id } = await context.create(context.commands.run);
      const [item] = (await context.runtime.listContainers({ filter: { id } })).containers;
      assert.equal(item?.image?.image, context.images.main);
      assert.notEqual(item?.imageRef, "");
    },
  },
  "filter-by-id": {
    title: "the filter by id selects one container, also by a prefix",
    rule: "ListContainers: ContainerFilter.id selects the container with this id, or with a unique prefix of it.",
    async run(context) {
      const { id } = await context.create(context.commands.run);
      assert.deepEqual(await found(context, { id }), [id]);
      assert.deepEqual(await found(context, { id: id.slice(0, 20) }), [id]);
    },
  },
  "filter-by-unknown-id": {
    title: "filters by unknown ids select nothing",
    rule: "ListContainers with an unknown ContainerFilter.id or pod_sandbox_id returns an empty list and no error.",
    async run(context) {
      await context.create(context.commands.run);
      const none = "0123456789abcdef".repeat(4);
      assert.deepEqual(await found(context, { id: none }), []);
      assert.deepEqual(await found(context, { podSandboxId: none }), []);
    },
  },
  "filter-by-sandbox": {
    title: "the filter by sandbox selects the containers in it",
    rule: "ListContainers: ContainerFilter.pod_sandbox_id selects the containers of this sandbox, by a prefix of its id as well.",
    async run(context) {
      const pod = await context.pod();
      const containers = [await pod.create(context.commands.run), await pod.start(context.commands.run)];
      await context.create(context.commands.run);
      const ids = containers.map(({ id }) => id).sort();
      assert.deepEqual(await found(context, { podSandboxId: pod.id }), ids);
      assert.deepEqual(await found(context, { podSandboxId: pod.id.slice(0, 20) }), ids);
    },
  },
  "filter-by-state": {
    title: "the filter by state selects created, running or exited containers",
    rule: "ListContainers: ContainerFilter.state selects containers in this state, also for CONTAINER_CREATED, whose number is 0.",
    async run(context) {
      const { created, running, exited, all } = await threeStates(context);
      for (const [state, wanted] of [
        [CONTAINER_CREATED, created],
        [CONTAINER_RUNNING, running],
        [CONTAINER_EXITED, exited],
      ] as const) {
        const listed = await found(context, { state: { state } });
        assert.deepEqual(
          all.filter((id) => listed.includes(id)),
          [wanted.id],
        );
      }
    },
  },
  "filter-by-label": {
    title: "the filter by labels selects containers that have all of them",
    rule: "ListContainers: ContainerFilter.label_selector selects containers that have all these labels, with exactly these values.",
    async run(context) {
      const { selector, running, all } = await threeStates(context);
      const selected = (more: Record<string, string>) =>
        found(context, { labelSelector: { ...selector, ...more } });
      assert.deepEqual(await selected({}), all);
      assert.deepEqual(await selected({ state: "running" }), [running.id]);
      assert.deepEqual(await selected({ state: "run" }), []);
      assert.deepEqual(await selected({ none: "" }), []);
    },
  },
  "filter-needs-all-to-hold": {
    title: "the fields of a filter are combined with AND",
    rule: "ListContainers: a container must satisfy every field of ContainerFilter that is set.",
    async run(context) {
      const { selector, running, exited } = await threeStates(context);
      const filter = {
        id: running.id,
        podSandboxId: running.podId,
        state: { state: CONTAINER_RUNNING },
        labelSelector: selector,
      };
      assert.deepEqual(await found(context, filter), [running.id]);
      assert.deepEqual(await found(context, { ...filter, id: exited.id }), []);
      assert.deepEqual(await found(context, { ...filter, state: { state: CONTAINER_EXITED } }), []);
      assert.deepEqual(await found(context, { ...filter, podSandboxId: running.id }), []);
      assert.deepEqual(await found(context, { ...filter, labelSelector: { group: "another" } }), []);
    },
  },
});
