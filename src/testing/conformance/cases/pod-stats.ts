import assert from "node:assert/strict";
import type { PodSandboxStats } from "../../../../gen/runtime/v1/api_pb.js";
import { casesOf } from "../case.js";
import type { ConformanceContext } from "../context.js";

/** Waits until the stats of the shared pod, with its running container, satisfy a condition. */
async function podStats(
  context: ConformanceContext,
  what: string,
  holds: (stats: PodSandboxStats) => boolean,
): Promise<PodSandboxStats> {
  const { podId } = await context.sharedContainer();
  return context.eventually(what, async () => {
    const { stats } = await context.runtime.podSandboxStats({ podSandboxId: podId });
    return stats && holds(stats) && stats;
  });
}

/** Stats and metrics of sandboxes. */
export const podStatsCases = casesOf("stats", {
  "pod-has-attributes": {
    title: "a sandbox's stats name the sandbox",
    rule: "PodSandboxStats.attributes has the sandbox's id, metadata, labels and annotations.",
    async run(context) {
      const { attributes } = await podStats(context, "the stats are available", () => true);
      const { id, metadata, labels, annotations } = await (await context.sharedPod()).status();
      assert.deepEqual(
        [attributes?.id, attributes?.metadata, attributes?.labels, attributes?.annotations],
        [id, metadata, labels, annotations],
      );
    },
  },
  "pod-has-cpu-time": {
    title: "a pod has used CPU time",
    rule: "PodSandboxStats: linux.cpu has usage_core_nano_seconds of the whole pod, and a timestamp.",
    async run(context) {
      const used = ({ linux }: PodSandboxStats) => linux?.cpu?.usageCoreNanoSeconds?.value ?? 0n;
      const { linux } = await podStats(context, "there is CPU time", (stats) => used(stats) > 0n);
      assert.ok((linux?.cpu?.timestamp ?? 0n) > 0n);
    },
  },
  "pod-has-memory": {
    title: "a pod uses memory",
    rule: "PodSandboxStats: linux.memory has working_set_bytes of the whole pod, and a timestamp.",
    async run(context) {
      const used = ({ linux }: PodSandboxStats) => linux?.memory?.workingSetBytes?.value ?? 0n;
      const { linux } = await podStats(context, "there is memory", (stats) => used(stats) > 0n);
      assert.ok((linux?.memory?.timestamp ?? 0n) > 0n);
    },
  },
  "pod-has-a-network": {
    title: "a pod with a network of its own has the traffic of an interface",
    rule: "PodSandboxStats: linux.network.default_interface has a name, rx_bytes and tx_bytes.",
    async run(context) {
      const { linux } = await podStats(context, "there is a network", (stats) => !!stats.linux?.network);
      const { name, rxBytes, txBytes } = linux?.network?.defaultInterface ?? {};
      assert.match(name ?? "", /\S/);
      assert.ok(rxBytes && txBytes, "rx_bytes or tx_bytes is unset");
    },
  },
  "pod-has-processes": {
    title: "a pod with a running container has processes",
    rule: "PodSandboxStats: linux.process.process_count is the number of the pod's processes.",
    async run(context) {
      const count = ({ linux }: PodSandboxStats) => linux?.process?.processCount?.value ?? 0n;
      assert.ok(
        count(await podStats(context, "there are processes", (stats) => count(stats) > 0n)) < 10_000n,
      );
    },
  },
  "pod-has-its-containers": {
    title: "the stats of a pod have those of its running containers",
    rule: "LinuxPodSandboxStats.containers has the ContainerStats of the pod's containers.",
    async run(context) {
      const { id } = await context.sharedContainer();
      const ours = ({ linux }: PodSandboxStats) =>
        linux?.containers.find(({ attributes }) => attributes?.id === id);
      const stats = await podStats(context, "the container is among them", (one) => ours(one) !== undefined);
      assert.ok(ours(stats)?.memory, "memory is unset");
    },
  },
  "pod-list-has-all": {
    title: "the list of stats has every ready sandbox, also when others are stopped",
    rule: "ListPodSandboxStats without a filter has all ready sandboxes; a stopped one does not make it fail.",
    async run(context) {
      const { id } = await context.sharedPod();
      await context.stoppedPod();
      const { stats } = await context.runtime.listPodSandboxStats();
      assert.equal(stats.filter(({ attributes }) => attributes?.id === id).length, 1);
    },
  },
  "pod-list-filter-by-id": {
    title: "the filter by id selects the stats of one sandbox",
    rule: "PodSandboxStatsFilter.id selects by id, or by a unique prefix; an unknown one selects nothing.",
    async run(context) {
      const { id } = await context.sharedPod();
      const found = async (filter: { id: string }) =>
        (await context.runtime.listPodSandboxStats({ filter })).stats.map(({ attributes }) => attributes?.id);
      assert.deepEqual(await found({ id }), [id]);
      assert.deepEqual(await found({ id: id.slice(0, 20) }), [id]);
      assert.deepEqual(await found({ id: "0123456789abcdef".repeat(4) }), []);
    },
  },
  "pod-list-filter-by-label": {
    title: "the filter by labels selects the stats of the sandboxes that have all of them",
    rule: "PodSandboxStatsFilter.label_selector selects sandboxes with all these labels.",
    async run(context) {
      const { id, config } = await context.sharedPod();
      const sharedBy = config.labels["shared-by"] ?? "";
      const found = async (shared: string) => {
        const filter = { labelSelector: { "shared-by": sharedBy, shared } };
        const { stats } = await context.runtime.listPodSandboxStats({ filter });
        return stats.map(({ attributes }) => attributes?.id);
      };
      assert.deepEqual(await found("ready"), [id]);
      assert.deepEqual(await found("another"), []);
    },
  },
  "metrics-are-described": {
    title: "every metric has a unique name and a help text",
    rule: "ListMetricDescriptors has each MetricDescriptor.name once, in Prometheus style, with help.",
    async run(context) {
      const { descriptors } = await context.runtime.listMetricDescriptors();
      assert.notEqual(descriptors.length, 0);
      const names = descriptors.map(({ name }) => name);
      assert.deepEqual(names, [...new Set(names)]);
      for (const { name, help } of descriptors) {
        assert.match(name, /^[a-zA-Z_:][a-zA-Z0-9_:]*$/);
        assert.notEqual(help, "", name);
      }
    },
  },
  "metrics-have-their-labels": {
    title: "every metric of a pod is described, and has a value for each of its labels",
    rule: "Metric.label_values are in the order of MetricDescriptor.label_keys, in ListPodSandboxMetrics.",
    async run(context) {
      const { id, podId } = await context.sharedContainer();
      const { descriptors } = await context.runtime.listMetricDescriptors();
      const { podMetrics } = await context.runtime.listPodSandboxMetrics();
      const pod = podMetrics.find(({ podSandboxId }) => podSandboxId === podId);
      assert.ok(pod, "the pod has no metrics");
      const container = pod.containerMetrics.find(({ containerId }) => containerId === id);
      assert.ok(container, "the container has no metrics");
      for (const { name, labelValues, value } of [...pod.metrics, ...container.metrics]) {
        const described = descriptors.find((one) => one.name === name);
        assert.equal(labelValues.length, described?.labelKeys.length, name);
        assert.ok(value, `${name} has no value`);
      }
    },
  },
});
