import assert from "node:assert/strict";
import { PodSandboxState } from "../../../../gen/runtime/v1/api_pb.js";
import { casesOf } from "../case.js";
import type { ConformanceContext } from "../context.js";

const { SANDBOX_READY, SANDBOX_NOTREADY } = PodSandboxState;

type Filter = NonNullable<Parameters<ConformanceContext["runtime"]["listPodSandbox"]>[0]>["filter"];

/** Returns the sorted ids that a filter selects. */
async function found({ runtime }: ConformanceContext, filter: Filter): Promise<string[]> {
  const { items } = await runtime.listPodSandbox(filter ? { filter } : {});
  return items.map(({ id }) => id).sort();
}

/** A ready pod and a stopped one with a common label. */
async function twoPods(context: ConformanceContext) {
  const [ready, stopped] = await Promise.all([context.sharedPod(), context.stoppedPod()]);
  const inCommon = { "shared-by": ready.config.labels["shared-by"] ?? "" };
  return { inCommon, ready, stopped, both: [ready.id, stopped.id].sort() };
}

/** ListPodSandbox and its filter. */
export const sandboxListCases = casesOf("sandbox", {
  "list-has-all": {
    title: "a list without a filter has every sandbox, ready or not",
    rule: "ListPodSandboxRequest.filter unset lists all sandboxes, in every state.",
    async run(context) {
      const { both } = await twoPods(context);
      const all = await found(context, undefined);
      assert.deepEqual(
        both.filter((id) => !all.includes(id)),
        [],
      );
    },
  },
  "empty-filter-selects-all": {
    title: "an empty filter selects everything",
    rule: "ListPodSandbox: a PodSandboxFilter with no field set selects all sandboxes.",
    async run(context) {
      const { id } = await context.sharedPod();
      assert.ok((await found(context, { id: "", labelSelector: {} })).includes(id));
    },
  },
  "list-item-equals-status": {
    title: "a listed sandbox equals its status",
    rule: "PodSandbox has id, metadata, state, created_at, labels and annotations as PodSandboxStatus has them.",
    async run(context) {
      const { ready, stopped } = await twoPods(context);
      for (const pod of [ready, stopped]) {
        const { items } = await context.runtime.listPodSandbox({ filter: { id: pod.id } });
        const { id, metadata, state, createdAt, labels, annotations } = await pod.status();
        const [item] = items;
        assert.deepEqual(
          [item?.id, item?.metadata, item?.state, item?.createdAt, item?.labels, item?.annotations],
          [id, metadata, state, createdAt, labels, annotations],
        );
      }
    },
  },
  "filter-by-id": {
    title: "the filter by id selects one sandbox",
    rule: "ListPodSandbox: PodSandboxFilter.id selects the sandbox with this id.",
    async run(context) {
      const { ready, stopped } = await twoPods(context);
      for (const { id } of [ready, stopped]) assert.deepEqual(await found(context, { id }), [id]);
    },
  },
  "filter-by-id-prefix": {
    title: "the filter by id accepts a prefix",
    rule: "ListPodSandbox: PodSandboxFilter.id accepts a unique prefix of an id.",
    async run(context) {
      const { id } = await context.sharedPod();
      assert.deepEqual(await found(context, { id: id.slice(0, 20) }), [id]);
    },
  },
  "filter-by-unknown-id": {
    title: "the filter by an unknown id selects nothing",
    rule: "ListPodSandbox with an unknown PodSandboxFilter.id returns an empty list and no error.",
    async run(context) {
      await context.sharedPod();
      assert.deepEqual(await found(context, { id: "0123456789abcdef".repeat(4) }), []);
    },
  },
  "filter-by-state": {
    title: "the filter by state selects ready or not-ready sandboxes",
    rule: "ListPodSandbox: PodSandboxFilter.state selects sandboxes in this state, also for SANDBOX_READY, whose number is 0.",
    async run(context) {
      const { ready, stopped } = await twoPods(context);
      const ids = async (state: PodSandboxState) => {
        const all = await found(context, { state: { state } });
        return [ready.id, stopped.id].filter((id) => all.includes(id));
      };
      assert.deepEqual([await ids(SANDBOX_READY), await ids(SANDBOX_NOTREADY)], [[ready.id], [stopped.id]]);
    },
  },
  "filter-by-label": {
    title: "the filter by a label selects all sandboxes that have it",
    rule: "ListPodSandbox: PodSandboxFilter.label_selector selects sandboxes with these labels, ready or not.",
    async run(context) {
      const { inCommon, both } = await twoPods(context);
      assert.deepEqual(await found(context, { labelSelector: inCommon }), both);
    },
  },
  "filter-by-two-labels": {
    title: "the filter by two labels selects sandboxes that have both",
    rule: "ListPodSandbox: all labels of PodSandboxFilter.label_selector must match.",
    async run(context) {
      const { inCommon, stopped } = await twoPods(context);
      const selected = (more: Record<string, string>) =>
        found(context, { labelSelector: { ...inCommon, ...more } });
      assert.deepEqual(await selected({ shared: "stopped" }), [stopped.id]);
      assert.deepEqual(await selected({ none: "stopped" }), []);
    },
  },
  "filter-by-label-is-exact": {
    title: "the filter by a label compares whole values",
    rule: "ListPodSandbox: a label of PodSandboxFilter.label_selector must have exactly this value.",
    async run(context) {
      const { inCommon } = await twoPods(context);
      for (const shared of ["", "rea", "Ready", "ready ", "*"])
        assert.deepEqual(await found(context, { labelSelector: { ...inCommon, shared } }), [], shared);
    },
  },
  "filter-needs-all-to-hold": {
    title: "the fields of a filter are combined with AND",
    rule: "ListPodSandbox: a sandbox must satisfy every field of PodSandboxFilter that is set.",
    async run(context) {
      const { inCommon, ready, stopped } = await twoPods(context);
      const filter = { id: ready.id, state: { state: SANDBOX_READY }, labelSelector: inCommon };
      assert.deepEqual(await found(context, filter), [ready.id]);
      assert.deepEqual(await found(context, { ...filter, id: stopped.id }), []);
      assert.deepEqual(await found(context, { ...filter, state: { state: SANDBOX_NOTREADY } }), []);
      assert.deepEqual(await found(context, { ...filter, labelSelector: { shared: "stopped" } }), []);
    },
  },
});
