import assert from "node:assert/strict";
import { link, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { folderUse } from "../../../src/kubelet/disk-use.js";
import { ProbeCounts } from "../../../src/kubelet/index.js";
import { nodeUsage } from "../../../src/kubelet/server/usage/node-usage.js";
import { summaryJson } from "../../../src/kubelet/server/usage/summary-types.js";
import { HostFiles } from "../../../src/kubernetes/index.js";
import { busybox } from "../../support/embedded.js";
import { servedPods } from "../../support/kubelet-server.js";
import { onePod } from "../../support/kubelets.js";
import { tempFolder } from "../../support/temp.js";

interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly time: number | undefined;
}

/** Reads a page of metrics in Prometheus' text format; fails for lines that are not of it. */
function parsePage(text: string): Map<string, Series[]> {
  const found = new Map<string, Series[]>();
  for (const line of text.split("\n")) {
    if (line === "" || /^# (HELP|TYPE) [a-z_]+ ./.test(line)) continue;
    const [, name = "", labels = "", value, time] =
      /^([a-z_]+)(?:\{(.*)\})? (\S+)(?: (\d+))?$/.exec(line) ?? [];
    assert.notEqual(name, "", `not a series: ${line}`);
    const pairs = [...labels.matchAll(/([a-z_]+)="([^"]*)"/g)].map(([, key = "", one = ""]) => [key, one]);
    const series = {
      labels: Object.fromEntries(pairs),
      value: Number(value),
      time: time ? Number(time) : undefined,
    };
    assert.ok(Number.isFinite(series.value), line);
    found.set(name, [...(found.get(name) ?? []), series]);
  }
  return found;
}

test("/metrics/resource has what metrics-server reads, with times in milliseconds", async (t) => {
  const { server, cri } = await servedPods(t, [onePod("a"), onePod("b")]);
  // A pod of somebody else on the same runtime is not this kubelet's.
  const foreign = { metadata: { name: "foreign", namespace: "test", uid: "f", attempt: 0 } };
  await cri.runtime.runPodSandbox({ config: foreign });
  const answer = await server.get("/metrics/resource");
  assert.equal(answer.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
  const page = parsePage(answer.text);
  const now = Date.now();
  for (const name of [
    "container_cpu_usage_seconds_total",
    "container_memory_working_set_bytes",
    "pod_cpu_usage_seconds_total",
    "pod_memory_working_set_bytes",
    "node_cpu_usage_seconds_total",
    "node_memory_working_set_bytes",
    "node_swap_usage_bytes",
  ])
    for (const { time, labels } of page.get(name) ?? [{ time: undefined, labels: {} }]) {
      assert.ok(time !== undefined && Math.abs(now - time) < 120_000, `${name} ${time}`);
      assert.notEqual(labels.pod, "foreign");
    }
  const containers = page.get("container_cpu_usage_seconds_total") ?? [];
  assert.deepEqual(
    containers.map(({ labels }) => labels),
    [
      { container: "main", namespace: "test", pod: "a" },
      { container: "main", namespace: "test", pod: "b" },
    ],
  );
  assert.deepEqual(
    page.get("pod_memory_working_set_bytes")?.map(({ labels }) => labels),
    [
      { namespace: "test", pod: "a" },
      { namespace: "test", pod: "b" },
    ],
  );
  for (const { value, time } of page.get("container_start_time_seconds") ?? []) {
    assert.ok(Math.abs(now / 1_000 - value) < 120);
    assert.equal(time, undefined);
  }
  assert.equal(page.get("container_start_time_seconds")?.length, 2);
  assert.deepEqual(page.get("resource_scrape_error"), [{ labels: {}, value: 0, time: undefined }]);
  assert.ok((page.get("node_cpu_usage_seconds_total")?.[0]?.value ?? 0) > 0);
  // Containers that have ended have no usage.
  assert.equal([...page.keys()].includes("container_network_receive_bytes_total"), false);
});

test("a runtime that reports no usage is a scrape error, not the end of the page", async (t) => {
  const { server, runtime } = await servedPods(t, [onePod("a")]);
  const always = { times: Number.POSITIVE_INFINITY };
  for (const method of [
    "listPodSandboxStats",
    "streamPodSandboxStats",
    "listContainerStats",
    "streamContainerStats",
    "podSandboxStats",
    "containerStats",
  ] as const)
    runtime.faults.failNext(method, { code: "internal", message: "broken" }, always);
  const page = parsePage((await server.get("/metrics/resource")).text);
  assert.equal(page.get("resource_scrape_error")?.[0]?.value, 1);
  assert.equal(page.get("container_cpu_usage_seconds_total"), undefined);
  assert.equal(page.get("node_memory_working_set_bytes")?.length, 1);
  const { node, pods } = JSON.parse((await server.get("/stats/summary")).text);
  assert.ok(node.memory.workingSetBytes > 0);
  assert.deepEqual([pods.length, pods[0].containers], [1, []]);
});

test("/stats/summary has the shapes of stats.k8s.io/v1alpha1", async (t) => {
  const pod = onePod("a", ["print", "a line\n"], {
    restartPolicy: "Always",
    containers: [
      {
        name: "main",
        image: busybox,
        command: ["run"],
        volumeMounts: [{ name: "data", mountPath: "/data" }],
      },
    ],
    volumes: [{ name: "data", emptyDir: {} }],
  });
  const { server, kubelet, rootDir } = await servedPods(t, [pod]);
  const [known] = kubelet.pods();
  const uid = known?.pod.metadata.uid ?? "";
  const volume = join(rootDir, "pods", uid, "volumes", "kubernetes.io~empty-dir", "data");
  await writeFile(join(volume, "file"), Buffer.alloc(1_000_000, 1));
  await writeFile(known?.observed.containers[0]?.logPath ?? "", "x".repeat(5_000));
  const answer = await server.get("/stats/summary");
  assert.equal(answer.headers["content-type"], "application/json");
  const { node, pods } = JSON.parse(answer.text);
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
  assert.equal(node.nodeName, "node");
  assert.match(node.startTime, time);
  assert.match(node.cpu.time, time);
  for (const one of [
    node.cpu.usageCoreNanoSeconds,
    node.memory.workingSetBytes,
    node.memory.availableBytes,
    node.fs.capacityBytes,
    node.fs.inodes,
    node.runtime.imageFs.capacityBytes,
    node.runtime.containerFs.capacityBytes,
    node.rlimit.maxpid,
    node.rlimit.curproc,
  ])
    assert.ok(typeof one === "number" && one > 0, JSON.stringify(node));
  assert.equal(pods.length, 1);
  const [stats] = pods;
  assert.deepEqual(stats.podRef, { name: "a", namespace: "test", uid });
  assert.match(stats.startTime, time);
  const [container] = stats.containers;
  assert.equal(container.name, "main");
  assert.match(container.startTime, time);
  assert.ok(typeof container.cpu.usageCoreNanoSeconds === "number");
  assert.ok(typeof container.memory.workingSetBytes === "number");
  assert.ok(container.logs.usedBytes >= 5_000 && container.logs.capacityBytes > 0);
  const data = stats.volume.find(({ name }: { name: string }) => name === "data");
  assert.ok(data.usedBytes >= 1_000_000 && data.inodesUsed === 2, JSON.stringify(data));
  assert.ok(stats["ephemeral-storage"].usedBytes >= 1_005_000);
  const short = JSON.parse((await server.get("/stats/summary?only_cpu_and_memory=true")).text);
  assert.equal(short.pods[0].volume, undefined);
  assert.equal(short.node.fs, undefined);
  assert.ok(short.node.cpu.usageCoreNanoSeconds > 0);
});

test("large numbers of a summary keep their digits", () => {
  const summary = {
    node: { nodeName: "n", startTime: "", memory: { time: "", usageBytes: 18_446_744_073_709_551_615n } },
    pods: [],
  };
  assert.match(summaryJson(summary), /"usageBytes":18446744073709551615\}/);
});

test("/metrics has the process, the kubelet, and the requests; /metrics/cadvisor the runtime's; /metrics/probes the probes", async (t) => {
  const probes = new ProbeCounts();
  const { server } = await servedPods(t, [onePod("a"), onePod("b")], {
    parts: {
      probes,
      configuration: () => ({ maxPods: 110 }),
    },
  });
  await server.get("/pods");
  await server.get("/unknown");
  const page = parsePage((await server.get("/metrics")).text);
  const values = (name: string) => page.get(name)?.map(({ value }) => value);
  assert.deepEqual(page.get("kubelet_node_name")?.[0]?.labels, { node: "node" });
  assert.deepEqual(values("kubelet_running_pods"), [2]);
  const running = page
    .get("kubelet_running_containers")
    ?.find(({ labels }) => labels.container_state === "running");
  assert.equal(running?.value, 2);
  const requests = page.get("kubelet_http_requests_total")?.map(({ labels }) => [labels.path, labels.code]);
  assert.deepEqual(requests, [
    ["pods", "200"],
    ["", "404"],
  ]);
  assert.deepEqual(values("kubelet_http_inflight_requests"), [1]);
  assert.ok((values("process_resident_memory_bytes")?.[0] ?? 0) > 1_000_000);

  const cadvisor = parsePage((await server.get("/metrics/cadvisor")).text);
  assert.ok((cadvisor.get("container_memory_working_set_bytes")?.length ?? 0) >= 2);

  assert.equal((await server.get("/metrics/probes")).text.trim(), "");
  const target = { container: { name: "main", livenessProbe: {} }, containerId: "c", podIPs: [] };
  const options = { timeoutMs: 1_000, signal: new AbortController().signal };
  const pod = { pod: "a", namespace: "test", podUid: "u" };
  let result: "success" | "failure" = "success";
  const runner = probes.counted(async () => ({ result, output: "" }), pod);
  await runner(target.container.livenessProbe, target, options);
  await runner(target.container.livenessProbe, target, options);
  result = "failure";
  await runner(target.container.livenessProbe, target, options);
  const broken = probes.counted(async () => Promise.reject(new Error("x")), pod);
  await assert.rejects(broken(target.container.livenessProbe, target, options));
  const found = parsePage((await server.get("/metrics/probes")).text).get("prober_probe_total");
  assert.deepEqual(
    found?.map(({ labels, value }) => [labels.probe_type, labels.result, labels.pod, labels.pod_uid, value]),
    [
      ["Liveness", "failed", "a", "u", 1],
      ["Liveness", "successful", "a", "u", 2],
      ["Liveness", "unknown", "a", "u", 1],
    ],
  );
  probes.forget("u");
  assert.equal((await server.get("/metrics/probes")).text.trim(), "");
  const { kubeletconfig } = JSON.parse((await server.get("/configz")).text);
  assert.deepEqual([kubeletconfig.kind, kubeletconfig.maxPods], ["KubeletConfiguration", 110]);
});

test("/pods has the Pods with their statuses, /runningpods/ those that run; HEAD has no body", async (t) => {
  const { server, kubelet, cri } = await servedPods(t, [onePod("a"), onePod("b")]);
  const list = JSON.parse((await server.get("/pods")).text);
  assert.deepEqual([list.kind, list.apiVersion], ["PodList", "v1"]);
  assert.deepEqual(
    list.items.map(({ metadata, status }: { metadata: { name: string }; status: { phase: string } }) => [
      metadata.name,
      status.phase,
    ]),
    [
      ["a", "Running"],
      ["b", "Running"],
    ],
  );
  assert.match(list.items[0].status.startTime, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.equal(list.items[0].kind, undefined);
  const running = async () =>
    JSON.parse((await server.get("/runningpods/")).text).items.map(
      ({ metadata, spec }: { metadata: { name: string }; spec: { containers: { name: string }[] } }) => [
        metadata.name,
        spec.containers.map(({ name }) => name),
      ],
    );
  assert.deepEqual(await running(), [
    ["a", ["main"]],
    ["b", ["main"]],
  ]);
  const id = kubelet.pod("test", "b")?.observed.sandboxes[0]?.id ?? "";
  assert.notEqual(id, "");
  await cri.runtime.stopPodSandbox({ podSandboxId: id });
  await kubelet.waitFor(
    () => kubelet.pod("test", "b")?.observed.containers.every(({ state }) => state !== "running") ?? false,
    { timeoutMs: 30_000 },
  );
  const head = await server.get("/pods", { method: "HEAD" });
  assert.deepEqual([head.status, head.text], [200, ""]);
});

test("/checkpoint answers with why the runtime made none", async (t) => {
  const { server } = await servedPods(t, [onePod("a")]);
  const { status, text } = await server.get("/checkpoint/test/a/main?timeout=10", { method: "POST" });
  assert.equal(status, 500);
  assert.match(text, /^checkpointing of test\/a\/main failed \(.*not implemented\)$/);
});

test("the usage of a machine is read from /proc; what is missing is undefined", async (t) => {
  const root = await tempFolder(t);
  const file = async (path: string, text: string) => {
    await mkdir(join(root, "proc", path, ".."), { recursive: true });
    await writeFile(join(root, "proc", path), text);
  };
  await file("stat", "cpu  100 20 30 4000 500 6 7 8 90 0\ncpu0 1 2\nbtime 1767225600\n");
  await file(
    "meminfo",
    "MemTotal: 1000 kB\nMemFree: 300 kB\nActive(file): 7 kB\nInactive(file): 200 kB\nAnonPages: 50 kB\nSwapTotal: 90 kB\nSwapFree: 40 kB\n".replaceAll(
      ": ",
      ":    ",
    ),
  );
  await file("vmstat", "nr_free_pages 1\npgfault 77\npgmajfault 5\n");
  await file(
    "net/dev",
    "Inter-| Receive | Transmit\n face |bytes packets errs drop fifo frame compressed multicast|bytes packets errs drop fifo colls carrier compressed\n    lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n  wlan0: 5 1 2 0 0 0 0 0 7 1 3 0 0 0 0 0\n  eth0:10 1 4 0 0 0 0 0 20 1 6 0 0 0 0 0\n",
  );
  await file("net/route", "Iface\tDestination\tGateway\neth0\t00000000\t0100000A\t0003\n");
  await file("loadavg", "0.1 0.2 0.3 2/345 999\n");
  await file("sys/kernel/pid_max", "4194304\n");
  const usage = await nodeUsage(new HostFiles(root), 1_767_225_700_500);
  assert.equal(usage.cpuNanos, 1_710_000_000n);
  assert.equal(usage.bootedAtMs, 1_767_225_600_000);
  assert.deepEqual(usage.memory, {
    capacityBytes: 1_024_000n,
    usageBytes: 716_800n,
    workingSetBytes: 512_000n,
    rssBytes: 51_200n,
    pageFaults: 77n,
    majorPageFaults: 5n,
    swapUsageBytes: 51_200n,
    swapAvailableBytes: 40_960n,
  });
  assert.deepEqual(usage.interfaces, [
    { name: "eth0", rxBytes: 10n, rxErrors: 4n, txBytes: 20n, txErrors: 6n },
    { name: "wlan0", rxBytes: 5n, rxErrors: 2n, txBytes: 7n, txErrors: 3n },
  ]);
  assert.deepEqual(usage.processes, { current: 345n, max: 4_194_304n });
  await rm(join(root, "proc"), { recursive: true });
  const missing = await nodeUsage(new HostFiles(root), 0);
  assert.deepEqual(
    [missing.cpuNanos, missing.memory, missing.interfaces, missing.processes],
    [undefined, undefined, [], undefined],
  );
});

test("a folder's use counts each file once, and does not follow links", async (t) => {
  const folder = await tempFolder(t);
  const { signal } = new AbortController();
  const empty = await folderUse(folder, signal);
  assert.equal(empty.inodes, 1n);
  await mkdir(join(folder, "a", "b"), { recursive: true });
  await writeFile(join(folder, "a", "b", "file"), Buffer.alloc(100_000, 1));
  await link(join(folder, "a", "b", "file"), join(folder, "again"));
  await symlink("/usr", join(folder, "link"));
  const use = await folderUse(folder, signal);
  assert.equal(use.inodes, 5n);
  assert.ok(use.bytes >= 100_000n && use.bytes < 200_000n, `${use.bytes}`);
  assert.deepEqual(await folderUse(join(folder, "missing"), signal), { bytes: 0n, inodes: 0n });
  await assert.rejects(folderUse(folder, AbortSignal.abort(new Error("enough"))), { message: "enough" });
});
