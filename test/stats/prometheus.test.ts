import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import { Families, formatFamilies, formatSeconds } from "../../src/stats/prometheus/families.js";
import { fixtures } from "../../src/testing/index.js";
import { type Metric, MetricSchema, MetricType, UInt64ValueSchema } from "../../src/v1.js";
import { failure } from "../support/failure.js";
import { noCgroup, node } from "../support/stats-node.js";

const timestamp = 1_700_000_000_123_456_789n;
const value = (value: bigint) => ({ value });

/** Returns the handlers of a runtime with stats of all kinds. */
const fullStats = () => {
  const cpu = { timestamp, usageCoreNanoSeconds: value(1_500_000_000n) };
  const memory = {
    timestamp,
    workingSetBytes: value(2n ** 63n + 1n),
    usageBytes: value(7n),
    rssBytes: value(5n),
  };
  const container = (id: string, changes = {}) =>
    fixtures.containerStats({
      attributes: { id, metadata: { name: "app" } },
      ...{ cpu, memory, ...changes },
      writableLayer: { timestamp, usedBytes: value(4096n) },
      swap: { timestamp, swapUsageBytes: value(6n), swapAvailableBytes: value(4n) },
    });
  return {
    listContainerStats: () => ({
      stats: [
        container("old", { memory: { ...memory, rssBytes: value(99n) } }),
        container("new"),
        container("ended", { cpu: undefined, memory: undefined }),
      ],
    }),
    listContainers: () => ({
      containers: ["old", "new", "ended"].map((id, n) => ({
        ...{ id, podSandboxId: "p", createdAt: timestamp + BigInt(n) * 1_000_000_000n },
        metadata: { name: "app", attempt: n },
      })),
    }),
    listPodSandbox: () => ({
      items: [{ id: "p", metadata: { name: 'we"b\\', namespace: "line\nbreak", uid: "u" } }],
    }),
    listPodSandboxStats: () => ({
      stats: [
        fixtures.podSandboxStats({
          attributes: { id: "p", metadata: { name: 'we"b\\', namespace: "line\nbreak", uid: "u" } },
          linux: {
            ...{ cpu, memory, containers: [container("new")] },
            network: {
              timestamp: 0n,
              defaultInterface: { name: "eth0", rxBytes: value(1n), txBytes: value(2n) },
            },
          },
        }),
      ],
    }),
  };
};

const labels = 'container="app",namespace="line\\nbreak",pod="we\\"b\\\\"';
const podLabels = 'namespace="line\\nbreak",pod="we\\"b\\\\"';
const samplesOf = (page: string) => page.split("\n").filter((line) => line && !line.startsWith("#"));

test("the page has the kubelet's names, and each series once, from the newest container", async (t) => {
  const { cri } = await node(t, fullStats(), { like: "containerd-2.1" });
  const page = await cri.stats.toPrometheus();
  assert.deepEqual(samplesOf(page), [
    `container_cpu_usage_seconds_total{${labels}} 1.5 1700000000123`,
    `container_fs_usage_bytes{${labels}} 4096 1700000000123`,
    `container_memory_rss{${labels}} 5 1700000000123`,
    `container_memory_usage_bytes{${labels}} 7 1700000000123`,
    `container_memory_working_set_bytes{${labels}} 9223372036854775809 1700000000123`,
    `container_network_receive_bytes_total{interface="eth0",${podLabels}} 1`,
    `container_network_receive_errors_total{interface="eth0",${podLabels}} 0`,
    `container_network_transmit_bytes_total{interface="eth0",${podLabels}} 2`,
    `container_network_transmit_errors_total{interface="eth0",${podLabels}} 0`,
    `container_start_time_seconds{${labels}} 1700000001.123`,
    `container_swap_limit_bytes{${labels}} 10 1700000000123`,
    `container_swap_usage_bytes{${labels}} 6 1700000000123`,
    `pod_cpu_usage_seconds_total{${podLabels}} 1.5 1700000000123`,
    `pod_memory_working_set_bytes{${podLabels}} 9223372036854775809 1700000000123`,
    `pod_swap_usage_bytes{${podLabels}} 6 1700000000123`,
    "resource_scrape_error 0",
    "scrape_error 0",
  ]);
  const names = new Set(samplesOf(page).map((line) => /^\w+/.exec(line)?.[0]));
  for (const name of names) {
    const type = name?.endsWith("_total") ? "counter" : "gauge";
    assert.match(page, new RegExp(`^# HELP ${name} \\S.*\\n# TYPE ${name} ${type}\\n${name}[ {]`, "m"));
  }
  assert.equal(await cri.stats.toPrometheus(), page, "equal data result in equal pages");
  assert.ok(page.endsWith("\n"));
});

test("pages without timestamps, and with ids that distinguish all containers", async (t) => {
  const { cri } = await node(t, fullStats(), { like: "containerd-2.1" });
  const page = await cri.stats.toPrometheus({ timestamps: false, ids: true });
  const rss = samplesOf(page).filter((line) => line.startsWith("container_memory_rss"));
  const ids = (id: string) =>
    `container="app",container_id="${id}",namespace="line\\nbreak",pod="we\\"b\\\\",pod_id="p",pod_uid="u"`;
  assert.deepEqual(rss, [`container_memory_rss{${ids("new")}} 5`, `container_memory_rss{${ids("old")}} 99`]);
});

test("OpenMetrics: counter families without _total, timestamps in seconds, EOF", async (t) => {
  const { cri } = await node(t, fullStats(), { like: "containerd-2.1" });
  const page = await cri.stats.toPrometheus({ format: "openmetrics" });
  assert.match(page, /^# TYPE container_cpu_usage_seconds counter\ncontainer_cpu_usage_seconds_total\{/m);
  assert.ok(page.includes(`container_memory_rss{${labels}} 5 1700000000.123456789\n`));
  assert.ok(page.endsWith("\n# EOF\n"));
});

test("a broken pod is reported in the page and hides no other", async (t) => {
  let bad = "";
  const { cri, runtime, startPod } = await node(
    t,
    {
      listPodSandboxStats() {
        throw noCgroup(bad);
      },
      podSandboxStats(request, context) {
        if (request.podSandboxId === bad) throw noCgroup(bad);
        return own(request, context);
      },
    },
    { like: "containerd-2.1" },
  );
  const own = runtime.services.runtime?.podSandboxStats ?? assert.fail();
  await startPod("good");
  ({ podSandboxId: bad } = await startPod("bad"));
  const page = await cri.stats.toPrometheus();
  assert.match(
    page,
    /^cri_stats_failed\{kind="pod",name="bad",namespace="test",pod="bad",reason="cgroup_parent_missing"\} 1$/m,
  );
  assert.match(page, /^resource_scrape_error 1$/m);
  assert.match(page, /^pod_memory_working_set_bytes\{namespace="test",pod="good"\} /m);
  assert.doesNotMatch(page, /^pod_\w+\{.*pod="bad"/m);
  assert.match(page, /^container_cpu_usage_seconds_total\{container="main",namespace="test",pod="bad"\} /m);
});

test("the page has the runtime's own metrics if these have CPU and memory, otherwise the usage", async (t) => {
  const { cri, runtime, startPod } = await node(t, {}, { like: "cri-o" });
  const { containerId } = await startPod("web");
  const page = await cri.stats.toPrometheus({ timestamps: false });
  assert.ok(page.includes("# TYPE container_cpu_usage_seconds_total counter\n"));
  assert.ok(page.includes("# HELP container_memory_rss Resident memory that is not mapped from files.\n"));
  assert.match(
    page,
    new RegExp(`^container_memory_rss\\{.*container="main",.*id="${containerId}".*\\} \\d+$`, "m"),
  );
  assert.match(page, /^resource_scrape_error 0$/m);
  assert.equal(runtime.calls.of("streamContainerStats").length, 0);
  // The runtime's own metrics have more labels.
  const usage = /^container_cpu_usage_seconds_total\{container="main",namespace="test",pod="web"\} /m;
  assert.doesNotMatch(page, usage);
  assert.match(await cri.stats.toPrometheus({ source: "stats" }), usage);

  runtime.faults.corrupt("listMetricDescriptors", () => ({ descriptors: [] }));
  assert.match(await cri.stats.toPrometheus(), usage);
});

test("CRI-O by default: metrics without CPU and memory, and pods without figures of their own", async (t) => {
  const seen = (name: string) =>
    create(MetricSchema, { name, labelValues: ["web"], metricType: MetricType.GAUGE, value: value(1n) });
  let names = ["container_last_seen"];
  const { listContainerStats, listContainers, listPodSandbox } = fullStats();
  const { cri } = await node(t, {
    async *streamContainerStats() {
      yield { containerStats: listContainerStats().stats };
    },
    async *streamContainers() {
      yield listContainers();
    },
    async *streamPodSandboxes() {
      yield { podSandboxes: listPodSandbox().items };
    },
    listMetricDescriptors: () => ({
      descriptors: names.map((name) => ({ name, help: "h", labelKeys: ["pod"] })),
    }),
    async *streamPodSandboxMetrics() {
      yield {
        podSandboxMetrics: [
          { podSandboxId: "p", containerMetrics: [{ containerId: "c", metrics: names.map(seen) }] },
        ],
      };
    },
    streamPodSandboxStats: async function* () {
      yield {
        podSandboxStats: [
          fixtures.podSandboxStats({
            attributes: { id: "p", metadata: { name: "web", namespace: "n", uid: "u" } },
            linux: {
              ...{ cpu: undefined, memory: undefined, process: undefined },
              network: {
                timestamp,
                defaultInterface: { name: "lo", rxBytes: value(1n) },
                interfaces: [{ name: "eth0", rxBytes: value(2n) }],
              },
              containers: [
                fixtures.containerStats({
                  memory: { timestamp, workingSetBytes: value(5n) },
                  cpu: { timestamp, usageCoreNanoSeconds: value(7n) },
                }),
              ],
            },
          }),
        ],
      };
    },
  });
  for (names of [["container_last_seen"], ["container_cpu_usage_seconds_total"], ["container_memory_rss"]]) {
    const page = await cri.stats.toPrometheus({ timestamps: false });
    assert.match(page, /^container_cpu_usage_seconds_total\{container="app",/m, `${names}`);
    assert.match(page, /^container_memory_working_set_bytes\{container="app",/m);
    assert.match(page, /^pod_memory_working_set_bytes\{namespace="n",pod="web"\} 5$/m);
    // The sum of running containers decreases when one ends, so it is not a counter.
    assert.doesNotMatch(page, /^pod_cpu_usage_seconds_total\{/m);
    assert.match(page, /^container_network_receive_bytes_total\{interface="eth0",.*\} 2$/m);
    assert.doesNotMatch(page, /interface="lo"/);
  }
  names = ["container_cpu_usage_seconds_total", "container_memory_rss"];
  const own = await cri.stats.toPrometheus({ timestamps: false });
  assert.match(own, /^container_memory_rss\{pod="web"\} 1$/m);
  assert.doesNotMatch(own, /working_set/);
});

test("source metrics rejects on a runtime without metrics", async (t) => {
  const { cri } = await node(t, {}, { like: "containerd-2.1" });
  assert.equal((await failure(cri.stats.toPrometheus({ source: "metrics" }))).reason, "unimplemented");
  const none = await node(t, {
    ...{ listMetricDescriptors: () => ({}) },
    streamPodSandboxMetrics: async function* () {},
  });
  assert.deepEqual(samplesOf(await none.cri.stats.toPrometheus({ source: "metrics" })), [
    "resource_scrape_error 0",
    "scrape_error 0",
  ]);
});

test("metrics that would break the page are omitted and counted as errors", async (t) => {
  const metric = (name: string, labelValues: string[], more: Partial<Metric> = {}) =>
    Object.assign(
      create(MetricSchema, { name, labelValues, metricType: MetricType.GAUGE, value: value(1n) }),
      more,
    );
  const { cri } = await node(t, {
    listMetricDescriptors: () => ({
      descriptors: [
        { name: "good", help: 'a "help" \\ text\nof two lines', labelKeys: ["pod"] },
        { name: "bad-name", help: "", labelKeys: [] },
        { name: "bad_label", help: "", labelKeys: ["a-b"] },
        { name: "reserved", help: "", labelKeys: ["__name__"] },
      ],
    }),
    async *streamPodSandboxMetrics() {
      yield {
        podSandboxMetrics: [
          {
            podSandboxId: "p",
            metrics: [
              metric("good", ["a"], { timestamp }),
              metric("good", ["a"]),
              metric("good", ["b"], { metricType: MetricType.COUNTER }),
              metric("good", ["b", "c"]),
              create(MetricSchema, { name: "good", labelValues: ["c"], metricType: MetricType.GAUGE }),
              metric("unknown", []),
              metric("bad-name", []),
              metric("bad_label", ["x"]),
              metric("reserved", ["x"]),
            ],
            containerMetrics: [
              {
                containerId: "c",
                metrics: [metric("good", ["d"], { value: create(UInt64ValueSchema, value(2n ** 64n - 1n)) })],
              },
            ],
          },
        ],
      };
    },
  });
  const page = await cri.stats.toPrometheus({ source: "metrics" });
  assert.deepEqual(samplesOf(page), [
    'good{pod="a"} 1 1700000000123',
    'good{pod="d"} 18446744073709551615',
    "resource_scrape_error 1",
    "scrape_error 1",
  ]);
  assert.ok(page.startsWith('# HELP good a "help" \\\\ text\\nof two lines\n# TYPE good gauge\n'));
  const open = await cri.stats.toPrometheus({ format: "openmetrics", source: "metrics" });
  assert.ok(open.startsWith('# HELP good a \\"help\\" \\\\ text\\nof two lines\n'));
});

test("a counter without the suffix _total has an unknown type in OpenMetrics", () => {
  const families = new Families();
  families.add({ name: "calls", help: "h", type: "counter" }, {}, "1");
  assert.equal(
    formatFamilies(families.sorted(), "openmetrics", true),
    "# HELP calls h\n# TYPE calls unknown\ncalls 1\n# EOF\n",
  );
  assert.match(formatFamilies(families.sorted(), "text", true), /^# TYPE calls counter$/m);
});

test("any label value is one line that parses back to the same value", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string(), (a, b) => {
      const families = new Families();
      assert.ok(families.add({ name: "x", help: "h", type: "gauge" }, { b, a }, "1"));
      const [, , line = "", end, ...rest] = formatFamilies(families.sorted(), "text", false).split("\n");
      assert.deepEqual([end, rest], ["", []]);
      const found = /^x\{a="((?:[^"\\]|\\.)*)",b="((?:[^"\\]|\\.)*)"\} 1$/su.exec(line);
      const parseValue = (text = "") =>
        text.replace(/\\(.)/gsu, (_, character) => (character === "n" ? "\n" : character));
      assert.deepEqual([parseValue(found?.[1]), parseValue(found?.[2])], [a, b]);
    }),
  );
});

test("formatSeconds() is exact", () => {
  assert.equal(formatSeconds(0n), "0");
  assert.equal(formatSeconds(1n), "0.000000001");
  assert.equal(formatSeconds(1_500_000_000n), "1.5");
  assert.equal(formatSeconds(18_446_744_073_709_551_615n), "18446744073.709551615");
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (nanos) => {
      const [whole = "", fraction = ""] = formatSeconds(nanos).split(".");
      assert.equal(BigInt(whole + fraction.padEnd(9, "0")), nanos);
    }),
  );
});
