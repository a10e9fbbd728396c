// Metrics from recorded files of cgroup v1 and v2.
import assert from "node:assert/strict";
import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { Metrics, metricDescriptors } from "../../examples/dockershim/stats/metrics.js";
import { Tracker } from "../../examples/dockershim/stats/tracker.js";
import { container, filesOfV1, filesOfV2, id, kernelFolders, netDev, pod } from "./stats-trees.js";

/** Returns the metrics of a pod with one container, by `name{own label values}`. */
async function metricsOf(t: TestContext, files: typeof filesOfV1) {
  const { root, write, folders } = await kernelFolders(t);
  await write({
    ...files(10, `/docker/${id("a")}`),
    ...files(20, `/docker/${id("b")}`),
    "proc/10/net/dev": netDev,
    "proc/partitions": "major minor  #blocks  name\n\n 254        0  268435456 vda\n",
    "upper/file": "content",
  });
  await mkdir(join(root, "proc/20/fd"));
  await mkdir(join(root, "proc/21/fd"), { recursive: true });
  await symlink("/dev/null", join(root, "proc/20/fd/0"));
  await symlink("socket:[123]", join(root, "proc/20/fd/1"));
  await symlink("socket:[124]", join(root, "proc/21/fd/0"));
  const [metrics, ...others] = await new Metrics(new Tracker(folders)).pods([
    pod("a", 10, [container("b", 20, join(root, "upper")), container("c", 30)]),
    pod("d", 40, []),
  ]);
  assert.deepEqual(others, [], "the second pod has ended");
  assert.equal(metrics?.podSandboxId, id("a"));
  assert.deepEqual(
    metrics?.containerMetrics.map(({ containerId }) => containerId),
    [id("b")],
  );
  return [...(metrics?.metrics ?? []), ...(metrics?.containerMetrics[0]?.metrics ?? [])];
}

type Samples = Awaited<ReturnType<typeof metricsOf>>;

function table(samples: Samples): Record<string, bigint> {
  const key = ({ name, labelValues }: Samples[number]) =>
    `${name.replace(/^container_/, "")} ${labelValues.slice(5).join(" ")}`.trim();
  return Object.fromEntries(samples.map((sample) => [key(sample), sample.value.value]));
}

test("descriptors have unique names and labels; each sample has a value for each label", async (t) => {
  const names = metricDescriptors.map(({ name }) => name);
  assert.deepEqual(names, [...new Set(names)]);
  for (const { name, help, labelKeys } of metricDescriptors) {
    assert.match(name, /^container_[a-z0-9_]+$/);
    assert.notEqual(help, "", name);
    assert.deepEqual(labelKeys.slice(0, 5), ["id", "image", "namespace", "pod", "container"]);
  }
  const byName = new Map(metricDescriptors.map((descriptor) => [descriptor.name, descriptor]));
  for (const files of [filesOfV1, filesOfV2])
    for (const { name, labelValues, timestamp } of await metricsOf(t, files)) {
      assert.equal(labelValues.length, byName.get(name)?.labelKeys.length, name);
      assert.ok(timestamp > 0n, name);
    }
});

test("only pressure is missing in cgroup v1; a CPU weight becomes shares again", async (t) => {
  const [v1, v2] = [await metricsOf(t, filesOfV1), await metricsOf(t, filesOfV2)];
  const namesIn = (samples: Samples) => new Set(samples.map(({ name }) => name));
  const missing = (samples: Samples) =>
    metricDescriptors.map(({ name }) => name).filter((name) => !namesIn(samples).has(name));
  assert.deepEqual(missing(v2), []);
  assert.ok(missing(v1).every((name) => name.startsWith("container_pressure_")));
  const different = Object.entries(table(v1)).filter(([key, value]) => {
    // Sizes of temporary files differ from one moment to the next.
    return !/^(?:fs_.* \d|fs_.*\/dev|last_seen)/.test(key) && table(v2)[key] !== value;
  });
  assert.deepEqual(different, [
    ["cpu_usage_seconds_total total", 0n],
    ["spec_cpu_shares", 1024n],
  ]);
  assert.equal(table(v2).spec_cpu_shares, 998n);
  assert.equal(table(v2).cpu_usage_seconds_total, undefined);
  assert.equal(table(v2)["cpu_usage_seconds_total total"], 4n);
  assert.equal(table(v2).pressure_memory_waiting_seconds_total, 2n);
  assert.equal(table(v2).pressure_memory_stalled_seconds_total, 1n);
});

test("values and labels of a container and its pod", async (t) => {
  const samples = await metricsOf(t, filesOfV1);
  const values = table(samples);
  const expected: Record<string, bigint> = {
    cpu_user_seconds_total: 3n,
    cpu_system_seconds_total: 1n,
    cpu_cfs_throttled_seconds_total: 5n,
    memory_working_set_bytes: 1_277_952n,
    memory_max_usage_bytes: 10_448_256n,
    "memory_failures_total pgmajfault container": 2n,
    oom_events_total: 1n,
    "fs_reads_bytes_total /dev/vda": 8192n,
    "fs_writes_total /dev/vda": 1n,
    "blkio_device_usage_total /dev/vda 254 0 Write": 4096n,
    processes: 2n,
    threads: 5n,
    threads_max: 0n,
    file_descriptors: 3n,
    sockets: 2n,
    "ulimits_soft max_open_files": 20_000n,
    spec_cpu_quota: 0n,
    spec_memory_limit_bytes: 67_108_864n,
    spec_memory_swap_limit_bytes: 134_217_728n,
    spec_memory_reservation_limit_bytes: 0n,
    start_time_seconds: 1_700_000_000n,
    "network_receive_bytes_total eth0": 14_812_345_678n,
    "network_transmit_packets_dropped_total eth0": 5n,
    "network_receive_packets_total net1": 1n,
  };
  for (const [key, value] of Object.entries(expected)) assert.equal(values[key], value, key);
  const labelsOf = (name: string) => samples.find((one) => one.name === name)?.labelValues.slice(0, 5);
  assert.deepEqual(labelsOf("container_processes"), [id("b"), "busybox:1", "shop", "web", "c-b"]);
  assert.deepEqual(labelsOf("container_network_receive_bytes_total"), [id("a"), "", "shop", "web", "POD"]);
});
