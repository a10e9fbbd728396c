// The pods and containers of a page, when names are shared and when stats are missing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { CriError } from "../../src/index.js";
import type { RuntimeImplementation } from "../../src/server/index.js";
import { fixtures } from "../../src/testing/index.js";
import { ContainerState, PodSandboxState } from "../../src/v1.js";
import { failure } from "../support/failure.js";
import { noCgroup, node } from "../support/stats-node.js";

const like = "containerd-2.1";
const timestamp = 1_700_000_000_000_000_000n;
const value = (value: bigint) => ({ value });
const cpu = (seconds: bigint) => ({ timestamp, usageCoreNanoSeconds: value(seconds * 1_000_000_000n) });
const unimplemented = () => {
  throw new CriError({ code: "unimplemented", reason: "unimplemented", rawMessage: "not supported" });
};
const lines = (page: string, ...names: string[]) =>
  page.split("\n").filter((line) => names.some((name) => new RegExp(`^${name}[ {]`).test(line)));

/** A pod and its containers, with creation times and seconds of CPU time. */
interface FakePod {
  readonly id: string;
  readonly name: string;
  readonly attempt?: number;
  readonly createdAt: bigint;
  readonly seconds: bigint;
  readonly containers: Readonly<Record<string, readonly [name: string, createdAt: bigint, seconds: bigint]>>;
}

/** Returns the handlers of a runtime with these pods. The uid of each is `u-<id>`. */
const pods = (...all: readonly FakePod[]): RuntimeImplementation => {
  const metadata = ({ id, name, attempt = 0 }: FakePod) => ({
    name,
    namespace: "ns",
    uid: `u-${id}`,
    attempt,
  });
  const containers = all.flatMap((pod) =>
    Object.entries(pod.containers).map(([id, [name, createdAt, seconds]]) => ({
      container: {
        ...{ id, podSandboxId: pod.id, createdAt, metadata: { name } },
        state: ContainerState.CONTAINER_RUNNING,
      },
      stats: fixtures.containerStats({ attributes: { id, metadata: { name } }, cpu: cpu(seconds) }),
    })),
  );
  return {
    listContainers: () => ({ containers: containers.map(({ container }) => container) }),
    listContainerStats: () => ({ stats: containers.map(({ stats }) => stats) }),
    listPodSandbox: () => ({
      items: all.map((pod) => ({
        ...{ id: pod.id, createdAt: pod.createdAt, metadata: metadata(pod) },
        state: PodSandboxState.SANDBOX_READY,
      })),
    }),
    listPodSandboxStats: () => ({
      stats: all.map((pod) =>
        fixtures.podSandboxStats({
          attributes: { id: pod.id, metadata: metadata(pod) },
          linux: { cpu: cpu(pod.seconds) },
        }),
      ),
    }),
  };
};

test("failed containers are reported with their pods, and with their ids on request", async (t) => {
  const fails = () => {
    throw noCgroup("x");
  };
  const two = ["a", "b"].map((id) => ({
    ...{ id: `p-${id}`, name: `pod-${id}`, createdAt: 1n, seconds: 1n },
    containers: { [`c-${id}`]: ["main", 1n, 1n] as const },
  }));
  const { cri } = await node(
    t,
    { ...pods(...two), listContainerStats: fails, containerStats: fails, listPodSandboxStats: () => ({}) },
    { like },
  );
  const { failed } = await cri.stats.containers();
  assert.deepEqual(failed.map(({ error, ...rest }) => [rest, error.reason]).sort(), [
    ...["a", "b"].map((id) => [
      {
        ...{ kind: "container", id: `c-${id}`, name: "main" },
        ...{ namespace: "ns", podName: `pod-${id}`, podUid: `u-p-${id}`, podId: `p-${id}` },
      },
      "runtime_error",
    ]),
  ]);
  const reason = 'reason="runtime_error"';
  assert.deepEqual(
    lines(await cri.stats.toPrometheus(), "cri_stats_failed"),
    ["a", "b"].map(
      (id) => `cri_stats_failed{kind="container",name="main",namespace="ns",pod="pod-${id}",${reason}} 1`,
    ),
  );
  assert.deepEqual(
    lines(await cri.stats.toPrometheus({ ids: true }), "cri_stats_failed"),
    ["a", "b"].map(
      (id) =>
        `cri_stats_failed{container_id="c-${id}",kind="container",name="main",namespace="ns",` +
        `pod="pod-${id}",pod_id="p-${id}",pod_uid="u-p-${id}",${reason}} 1`,
    ),
  );
});

test("failed pods are reported with their ids on request", async (t) => {
  const fails = () => {
    throw noCgroup("x");
  };
  const web = { id: "p", name: "web", createdAt: 1n, seconds: 1n, containers: {} };
  const { cri } = await node(
    t,
    { ...pods(web), listPodSandboxStats: fails, podSandboxStats: fails },
    { like },
  );
  assert.deepEqual(lines(await cri.stats.toPrometheus({ ids: true }), "cri_stats_failed"), [
    'cri_stats_failed{kind="pod",name="web",namespace="ns",pod="web",pod_id="p",pod_uid="u-p",reason="cgroup_parent_missing"} 1',
  ]);
});

test("of pods with the same name only the newest one is reported, with only its own containers", async (t) => {
  const old = {
    ...{ id: "a-old", name: "web", createdAt: 10n, seconds: 100n },
    // Restarted after the creation of the new pod.
    containers: { c1: ["main", 30n, 90n] as const },
  };
  const young = {
    ...{ id: "b-new", name: "web", createdAt: 20n, seconds: 2n },
    containers: { c2: ["main", 21n, 1n] as const },
  };
  for (const both of [
    [old, young],
    [young, old],
    [
      { ...old, id: "z-old" },
      { ...young, attempt: 0 },
    ],
  ]) {
    const { cri } = await node(t, pods(...both), { like });
    const page = await cri.stats.toPrometheus({ timestamps: false });
    assert.deepEqual(lines(page, "container_cpu_usage_seconds_total", "pod_cpu_usage_seconds_total"), [
      'container_cpu_usage_seconds_total{container="main",namespace="ns",pod="web"} 1',
      'pod_cpu_usage_seconds_total{namespace="ns",pod="web"} 2',
    ]);
  }
});

test("without creation times, the pod with the highest attempt is reported", async (t) => {
  const common = { name: "web", createdAt: 0n, containers: {} };
  const first = { ...common, id: "a", attempt: 0, seconds: 5n };
  const { cri } = await node(t, pods(first, { ...common, id: "b", attempt: 1, seconds: 1n }), { like });
  assert.match(await cri.stats.toPrometheus(), /^pod_cpu_usage_seconds_total\{\S+\} 1 /m);
});

test("all calls of a page share one deadline", async (t) => {
  const deadlines: (number | undefined)[] = [];
  const called: number[] = [];
  const { cri } = await node(t, {
    async listMetricDescriptors(_, { deadline }) {
      called.push(Date.now());
      deadlines.push(deadline?.getTime());
      await pause(500);
      return { descriptors: [{ name: "m", help: "h", labelKeys: [] }] };
    },
    async *streamPodSandboxMetrics(_, { deadline }) {
      called.push(Date.now());
      deadlines.push(deadline?.getTime());
      yield { podSandboxMetrics: [] };
    },
  });
  await cri.stats.toPrometheus({ timeoutMs: 60_000 });
  const [first = 0, second = 0] = deadlines;
  assert.ok(first > 0 && second > 0, "both calls have a deadline");
  const [firstCall = 0, secondCall = 0] = called;
  // With a deadline of its own, the second call's would be as much later as the call.
  assert.ok(
    second - first < (secondCall - firstCall) / 2,
    `the deadline of the second call is ${second - first} ms later`,
  );
});

test("a runtime with stats of only containers or only pods gets a page with these, and with the missing kind", async (t) => {
  const web = {
    ...{ id: "p", name: "web", createdAt: 1n, seconds: 2n },
    containers: { c: ["main", 1n, 1n] as const },
  };
  const ofContainer = 'container_cpu_usage_seconds_total{container="main",namespace="ns",pod="web"} 1';
  const ofPod = 'pod_cpu_usage_seconds_total{namespace="ns",pod="web"} 2';
  const names = ["container_cpu_usage_seconds_total", "pod_cpu_usage_seconds_total"];
  const rest = ["cri_stats_failed", "resource_scrape_error"];
  const page = async (handlers: RuntimeImplementation) => {
    const { cri } = await node(t, { ...pods(web), ...handlers }, { like });
    return lines(await cri.stats.toPrometheus({ timestamps: false }), ...names, ...rest);
  };
  assert.deepEqual(await page({ listPodSandboxStats: unimplemented }), [
    ofContainer,
    'cri_stats_failed{kind="pods",reason="unimplemented"} 1',
    "resource_scrape_error 1",
  ]);
  assert.deepEqual(await page({ listContainerStats: unimplemented }), [
    'cri_stats_failed{kind="containers",reason="unimplemented"} 1',
    ofPod,
    "resource_scrape_error 1",
  ]);
  const neither = page({ listPodSandboxStats: unimplemented, listContainerStats: unimplemented });
  assert.equal((await failure(neither)).reason, "unimplemented");
});
