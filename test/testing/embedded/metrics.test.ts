import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { MetricType } from "../../../gen/runtime/v1/api_pb.js";
import { type Cri, connect } from "../../../src/index.js";
import { EmbeddedRuntime } from "../../../src/testing/index.js";
import { cleanup } from "../../support/cleanup.js";
import { busybox, scripted, start } from "../../support/embedded.js";
import { within } from "../../support/waiting.js";

/** What the official suite asks for; of those with a question mark, a descriptor only. */
const expected = `
  container_blkio_device_usage_total container_cpu_cfs_periods_total container_cpu_cfs_throttled_periods_total
  container_cpu_cfs_throttled_seconds_total container_cpu_system_seconds_total container_cpu_usage_seconds_total
  container_cpu_user_seconds_total container_file_descriptors container_fs_inodes_free container_fs_inodes_total
  container_fs_limit_bytes container_fs_reads_bytes_total container_fs_reads_total container_fs_usage_bytes
  container_fs_writes_bytes_total container_fs_writes_total container_last_seen container_memory_cache
  container_memory_failcnt container_memory_failures_total container_memory_kernel_usage container_memory_mapped_file
  container_memory_max_usage_bytes container_memory_rss container_memory_swap container_memory_usage_bytes
  container_memory_working_set_bytes container_network_receive_bytes_total container_network_receive_errors_total
  container_network_receive_packets_dropped_total container_network_receive_packets_total
  container_network_transmit_bytes_total container_network_transmit_errors_total
  container_network_transmit_packets_dropped_total container_network_transmit_packets_total container_oom_events_total
  container_processes container_sockets container_spec_cpu_period container_spec_cpu_quota container_spec_cpu_shares
  container_spec_memory_limit_bytes container_spec_memory_reservation_limit_bytes
  container_spec_memory_swap_limit_bytes container_start_time_seconds container_threads container_threads_max
  container_ulimits_soft?`
  .trim()
  .split(/\s+/);

/** All metrics of a pod: by name, with a value by its labels. */
async function metricsOf(cri: Cri, podSandboxId: string) {
  const { descriptors } = await cri.runtime.listMetricDescriptors();
  const keys = new Map(descriptors.map(({ name, labelKeys }) => [name, labelKeys]));
  const { podMetrics } = await cri.runtime.listPodSandboxMetrics();
  const pod = podMetrics.find((one) => one.podSandboxId === podSandboxId);
  assert.ok(pod);
  return [...pod.metrics, ...pod.containerMetrics.flatMap(({ metrics }) => metrics)].map((metric) => {
    const labelKeys = keys.get(metric.name) ?? [];
    assert.equal(labelKeys.length, metric.labelValues.length, metric.name);
    const labels = Object.fromEntries(labelKeys.map((key, index) => [key, metric.labelValues[index]]));
    return { name: metric.name, type: metric.metricType, labels, value: metric.value?.value };
  });
}

test("the descriptors are those of the kubelet's cAdvisor endpoint, with its labels", async (t) => {
  const { cri } = await scripted(t);
  const { descriptors } = await cri.runtime.listMetricDescriptors();
  const names = descriptors.map(({ name }) => name);
  for (const name of expected) assert.ok(names.includes(name.replace("?", "")), name);
  assert.equal(new Set(names).size, names.length);
  for (const { labelKeys } of descriptors)
    for (const label of ["id", "image", "namespace", "pod", "container"])
      assert.ok(labelKeys.includes(label));
});

test("a running container has each metric, with the labels of its pod", async (t) => {
  const { cri } = await scripted(t);
  const { podSandboxId, containerId } = await start(cri, ["run"]);
  const metrics = await metricsOf(cri, podSandboxId);
  for (const name of expected.filter((one) => !one.endsWith("?")))
    assert.ok(
      metrics.some((metric) => metric.name === name),
      name,
    );
  const cpu = metrics.filter(({ name }) => name === "container_cpu_usage_seconds_total");
  assert.deepEqual(
    cpu.map(({ labels, type }) => [labels, type]),
    [
      [
        { id: containerId, image: busybox, namespace: "test", pod: "a", container: "c", cpu: "total" },
        MetricType.COUNTER,
      ],
    ],
  );
  const received = metrics.find(({ name }) => name === "container_network_receive_bytes_total");
  assert.deepEqual(received?.labels, {
    ...{ id: podSandboxId, image: "", namespace: "test", pod: "a", container: "POD", interface: "lo" },
  });
  await cri.runtime.stopContainer({ containerId, timeout: 0n });
  const stopped = await metricsOf(cri, podSandboxId);
  assert.ok(stopped.every(({ labels }) => labels.container === "POD"));
});

async function onHost(t: TestContext) {
  const runtime = await EmbeddedRuntime.start({ preload: [busybox] });
  cleanup(t, () => within(10_000, runtime.close(), "close()"));
  const cri = connect.through({ transport: runtime.transport });
  cleanup(t, () => cri.close());
  return cri;
}

test("on the host, values are measured, and counters never go back", {
  skip: process.platform !== "linux" && "needs /proc",
}, async (t) => {
  const cri = await onHost(t);
  const burn = "sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done'; exec sleep 60";
  const { podSandboxId, containerId } = await start(cri, ["sh", "-c", burn]);
  const value = (metrics: Awaited<ReturnType<typeof metricsOf>>, name: string) =>
    metrics.find((metric) => metric.name === name)?.value ?? -1n;
  const first = await metricsOf(cri, podSandboxId);
  for (const name of [
    ...[
      "container_memory_rss",
      "container_memory_max_usage_bytes",
      "container_processes",
      "container_threads",
    ],
    ...[
      "container_file_descriptors",
      "container_fs_inodes_total",
      "container_fs_limit_bytes",
      "container_fs_usage_bytes",
    ],
    ...[
      "container_start_time_seconds",
      "container_last_seen",
      "container_memory_failures_total",
      "container_ulimits_soft",
    ],
    ...["container_spec_cpu_period", "container_spec_cpu_shares"],
  ])
    assert.ok(value(first, name) > 0n, name);
  // Another exec adds to counters, and its end must not take that away.
  await cri.runtime.execSync({
    containerId,
    cmd: ["sh", "-c", "head -c 1000000 /dev/zero >/dev/null"],
    timeout: 20n,
  });
  const second = await metricsOf(cri, podSandboxId);
  for (const { name, type, labels, value: before } of first) {
    if (type !== MetricType.COUNTER) continue;
    const after = second.find(
      (one) => one.name === name && JSON.stringify(one.labels) === JSON.stringify(labels),
    );
    assert.ok((after?.value ?? -1n) >= (before ?? 0n), name);
  }
});

test("limits become metrics of the spec", async (t) => {
  const { cri } = await scripted(t);
  const { podSandboxId, containerId } = await start(cri, ["run"]);
  const linux = {
    cpuPeriod: 50_000n,
    cpuQuota: 20_000n,
    cpuShares: 512n,
    memoryLimitInBytes: 64n,
    memorySwapLimitInBytes: 128n,
  };
  await cri.runtime.updateContainerResources({ containerId, linux });
  const metrics = await metricsOf(cri, podSandboxId);
  const spec = (name: string) => metrics.find((metric) => metric.name === `container_spec_${name}`)?.value;
  assert.deepEqual(
    ["cpu_period", "cpu_quota", "cpu_shares", "memory_limit_bytes", "memory_swap_limit_bytes"].map(spec),
    [50_000n, 20_000n, 512n, 64n, 128n],
  );
});
