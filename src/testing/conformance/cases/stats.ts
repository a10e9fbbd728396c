import assert from "node:assert/strict";
import type { ContainerStats } from "../../../../gen/runtime/v1/api_pb.js";
import { casesOf } from "../case.js";
import type { ConformanceContext } from "../context.js";

const unknownId = "0123456789abcdef".repeat(4);

async function statsOf({ runtime }: ConformanceContext, containerId: string): Promise<ContainerStats> {
  const { stats } = await runtime.containerStats({ containerId });
  assert.ok(stats, "stats is unset");
  return stats;
}

/** Asserts that a time is close to now. */
function assertRecent(timestamp: bigint | undefined, what: string): void {
  const ageMs = Date.now() - Number((timestamp ?? 0n) / 1_000_000n);
  assert.ok(Math.abs(ageMs) < 120_000, `the timestamp of ${what} is ${timestamp}`);
}

/** The stats of containers. */
export const containerStatsCases = casesOf("stats", {
  "container-has-attributes": {
    title: "a container's stats name the container",
    rule: "ContainerStats.attributes has the container's id, metadata, labels and annotations.",
    async run(context) {
      const container = await context.start(context.commands.run, { annotations: { note: "measured" } });
      const { attributes } = await statsOf(context, container.id);
      const { metadata, labels, annotations } = await container.status();
      assert.deepEqual(
        [attributes?.id, attributes?.metadata, attributes?.labels, attributes?.annotations],
        [container.id, metadata, labels, annotations],
      );
    },
  },
  "container-has-cpu-time": {
    title: "a running container has used CPU time",
    rule: "ContainerStats.cpu has usage_core_nano_seconds, greater than 0, and a timestamp in nanoseconds.",
    async run(context) {
      const { id } = await context.start(context.commands.tick);
      const { cpu } = await context.eventually("there is CPU time", async () => {
        const stats = await statsOf(context, id);
        return (stats.cpu?.usageCoreNanoSeconds?.value ?? 0n) > 0n && stats;
      });
      assertRecent(cpu?.timestamp, "cpu");
    },
  },
  "container-has-memory": {
    title: "a running container uses memory",
    rule: "ContainerStats.memory has working_set_bytes, greater than 0, and a timestamp in nanoseconds.",
    async run(context) {
      const { id } = await context.start(context.commands.run);
      const { memory } = await context.eventually("there is memory", async () => {
        const stats = await statsOf(context, id);
        return (stats.memory?.workingSetBytes?.value ?? 0n) > 0n && stats;
      });
      assertRecent(memory?.timestamp, "memory");
    },
  },
  "container-cpu-time-grows": {
    title: "CPU time grows, and so does its timestamp",
    rule: "ContainerStats: CpuUsage.usage_core_nano_seconds only grows; each reading has its own timestamp.",
    async run(context) {
      const { id } = await context.start(context.commands.tick);
      const first = await statsOf(context, id);
      const used = (stats: ContainerStats) => stats.cpu?.usageCoreNanoSeconds?.value ?? 0n;
      const later = await context.eventually("more CPU time is used", async () => {
        const stats = await statsOf(context, id);
        assert.ok(used(stats) >= used(first), "the usage decreased");
        return used(stats) > used(first) && stats;
      });
      assert.ok((later.cpu?.timestamp ?? 0n) > (first.cpu?.timestamp ?? 0n));
    },
  },
  "container-memory-is-bounded": {
    title: "a container's working set does not exceed its memory usage",
    rule: "ContainerStats: MemoryUsage.working_set_bytes is usage_bytes without inactive file cache, if both are set.",
    async run(context) {
      const { id } = await context.start(context.commands.run);
      const { memory } = await statsOf(context, id);
      const { workingSetBytes, usageBytes } = memory ?? {};
      assert.ok(workingSetBytes, "working_set_bytes is unset");
      if (usageBytes) assert.ok(workingSetBytes.value <= usageBytes.value);
    },
  },
  "container-accepts-a-prefix": {
    title: "a prefix of an id finds a container's stats",
    rule: "ContainerStatsRequest.container_id accepts a unique prefix of an id.",
    async run(context) {
      const { id } = await context.sharedContainer();
      assert.equal((await statsOf(context, id.slice(0, 20))).attributes?.id, id);
    },
  },
  "list-has-all-that-run": {
    title: "the list of stats has every running container, once",
    rule: "ListContainerStats without a filter has all running containers.",
    async run(context) {
      const ids = [(await context.sharedContainer()).id, (await context.start(context.commands.run)).id];
      const { stats } = await context.runtime.listContainerStats();
      for (const id of ids)
        assert.equal(
          stats.filter(({ attributes }) => attributes?.id === id).length,
          1,
          `${id} is not listed exactly once`,
        );
    },
  },
  "list-equals-single": {
    title: "a container's stats equal those in the list",
    rule: "ListContainerStats and ContainerStats report the same values for a container.",
    async run(context) {
      const { id } = await context.sharedContainer();
      const [listed] = (await context.runtime.listContainerStats({ filter: { id } })).stats;
      const single = await statsOf(context, id);
      assert.deepEqual(listed?.attributes, single.attributes);
      assert.equal(listed?.memory === undefined, single.memory === undefined);
      assert.ok((listed?.cpu?.timestamp ?? 0n) <= (single.cpu?.timestamp ?? 0n));
    },
  },
  "list-filter-by-id": {
    title: "the filter by id selects the stats of one container",
    rule: "ContainerStatsFilter.id selects by id, or by a unique prefix; an unknown one selects nothing.",
    async run(context) {
      const { id } = await context.start(context.commands.run);
      const found = async (filter: { id: string }) =>
        (await context.runtime.listContainerStats({ filter })).stats.map(({ attributes }) => attributes?.id);
      assert.deepEqual(await found({ id }), [id]);
      assert.deepEqual(await found({ id: id.slice(0, 20) }), [id]);
      assert.deepEqual(await found({ id: unknownId }), []);
    },
  },
  "list-filter-by-sandbox": {
    title: "the filter by sandbox selects the stats of the containers in it",
    rule: "ContainerStatsFilter.pod_sandbox_id selects the containers of this sandbox.",
    async run(context) {
      const pod = await context.pod();
      const { id } = await pod.start(context.commands.run);
      await context.sharedContainer();
      const { stats } = await context.runtime.listContainerStats({ filter: { podSandboxId: pod.id } });
      assert.deepEqual(
        stats.map(({ attributes }) => attributes?.id),
        [id],
      );
    },
  },
  "list-filter-by-label": {
    title: "the filter by labels selects the containers that have all of them",
    rule: "ContainerStatsFilter.label_selector selects containers with all these labels.",
    async run(context) {
      const group = context.name();
      const first = await context.start(context.commands.run, { labels: { group, which: "first" } });
      const second = await context.start(context.commands.run, { labels: { group, which: "second" } });
      const found = async (labelSelector: Record<string, string>) => {
        const { stats } = await context.runtime.listContainerStats({ filter: { labelSelector } });
        return stats.map(({ attributes }) => attributes?.id).sort();
      };
      assert.deepEqual(await found({ group }), [first.id, second.id].sort());
      assert.deepEqual(await found({ group, which: "second" }), [second.id]);
      assert.deepEqual(await found({ group, which: "third" }), []);
    },
  },
});
