import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { isCriError } from "../../../src/core/index.js";
import {
  type KubeletEvent,
  type NodeOptions,
  NodeReporter,
  type NodeReporterParts,
} from "../../../src/kubelet/index.js";
import type { Node, NodeCondition } from "../../../src/kubernetes/index.js";
import { cleanup } from "../../support/cleanup.js";
import { scripted } from "../../support/embedded.js";
import { failure } from "../../support/failure.js";
import { vectorNode } from "../../support/pod-fixtures.js";
import { VirtualClock } from "../../support/virtual-clock.js";
import { until, within } from "../../support/waiting.js";
import { hostOf } from "./host.js";

/** A reporter on a machine of files, on the embedded runtime, and what it reports. */
async function reporting(t: TestContext, options: NodeOptions = {}, parts: Partial<NodeReporterParts> = {}) {
  const { cri } = await scripted(t);
  const clock = new VirtualClock();
  const files = await hostOf(t, { "/proc/sys/kernel/random/boot_id": "boot-2" });
  const runtimeErrors: string[] = [];
  const pressures = { memory: false, disk: false, pid: false };
  const events: Omit<KubeletEvent, "timeMs">[] = [];
  const nodes: Node<Date>[] = [];
  const status = await cri.runtime.status({});
  const reporter = await NodeReporter.open(
    {
      cri,
      nodeName: "node-1",
      clock,
      facts: () => vectorNode,
      health: () => ({ runtimeErrors, networkError: undefined, status }),
      pressures: () => pressures,
      record: (event) => events.push(event),
      onNode: (node) => nodes.push(node),
      files,
      ...parts,
    },
    options,
  );
  const start = () => {
    const closing = new AbortController();
    const running = reporter.run(closing.signal);
    const stop = () => {
      closing.abort(new Error("the test is over"));
      return within(10_000, running, "the end of the loop");
    };
    cleanup(t, stop);
    return stop;
  };
  /** Advances the time by 10 s once both loops sleep, and waits until they sleep again. */
  const pass = async () => {
    await within(10_000, clock.whenSleeping(2), "the loops to sleep");
    await clock.advance(10_000);
    await within(10_000, clock.whenSleeping(2), "the loops to sleep again");
  };
  const reasons = () => events.map(({ reason }) => reason);
  return { reporter, clock, runtimeErrors, pressures, events, reasons, nodes, start, pass };
}

function condition(node: Node<Date> | undefined, type: string): NodeCondition<Date> | undefined {
  return node?.status?.conditions?.find((one) => one.type === type);
}

test("a Node is there before the loop runs, and nothing is reported until then", async (t) => {
  const { reporter, nodes, events } = await reporting(t);
  const { metadata, status } = reporter.current();
  assert.equal(metadata?.labels?.["kubernetes.io/hostname"], "node-1");
  assert.deepEqual(status?.addresses, [
    { type: "InternalIP", address: "192.0.2.10" },
    { type: "InternalIP", address: "2001:db8::10" },
    { type: "Hostname", address: "node-1" },
  ]);
  assert.equal(status?.capacity?.memory, "8Gi");
  assert.equal(status?.capacity?.pods, "110");
  assert.equal(status?.nodeInfo?.bootID, "boot-2");
  assert.equal(status?.nodeInfo?.kubeletVersion, "v1.36.2+cri-sdk");
  assert.match(status?.nodeInfo?.containerRuntimeVersion ?? "", /^cri-sdk-embedded:\/\/\d/);
  assert.deepEqual(
    status?.images?.map(({ names }) => names?.at(-1)),
    ["docker.io/library/busybox:1.37"],
  );
  assert.equal(status?.features?.supplementalGroupsPolicy, true);
  assert.deepEqual(
    status?.runtimeHandlers?.map(({ name }) => name),
    [""],
  );
  assert.equal(condition(reporter.current(), "Ready")?.status, "True");
  assert.equal(status?.daemonEndpoints, undefined);
  assert.equal(status?.declaredFeatures, undefined);
  assert.deepEqual([nodes, events], [[], []]);
});

test("the options of a Node are reported", async (t) => {
  const { reporter } = await reporting(
    t,
    {
      nodeLabels: { disk: "ssd" },
      nodeTaints: [{ key: "dedicated", effect: "NoSchedule" }],
      nodeAddresses: [{ type: "InternalIP", address: "127.0.0.1" }],
      capacity: { cpu: 8, "example.com/gpu": 1 },
      reserved: { cpu: 1 },
      maxPods: 7,
      kubeletVersion: "v1.35.1",
    },
    { port: () => 10250, declaredFeatures: () => ["B", "A"], evictionReserve: {} },
  );
  const { metadata, spec, status } = reporter.current();
  assert.equal(metadata?.labels?.disk, "ssd");
  assert.deepEqual(spec?.taints, [{ key: "dedicated", effect: "NoSchedule" }]);
  assert.deepEqual(status?.addresses, [{ type: "InternalIP", address: "127.0.0.1" }]);
  assert.equal(status?.capacity?.cpu, "8");
  assert.deepEqual([status?.allocatable?.cpu, status?.allocatable?.pods], ["7", "7"]);
  assert.deepEqual([status?.allocatable?.memory, status?.allocatable?.["example.com/gpu"]], ["8Gi", "1"]);
  assert.equal(status?.nodeInfo?.kubeletVersion, "v1.35.1");
  assert.deepEqual(status?.daemonEndpoints, { kubeletEndpoint: { Port: 10250 } });
  assert.deepEqual(status?.declaredFeatures, ["A", "B"]);
});

test("addresses of loopback are not reported unless they are given", async (t) => {
  const { reporter } = await reporting(
    t,
    {},
    { facts: () => ({ ...vectorNode, nodeIPs: ["127.0.0.1", "::1"] }) },
  );
  assert.deepEqual(reporter.current().status?.addresses, [{ type: "Hostname", address: "node-1" }]);
});

test("the status is computed every 10 s: heartbeats move, transitions do not", async (t) => {
  const { clock, nodes, start, pass, reasons, events } = await reporting(t);
  const stop = start();
  await until(() => nodes.length === 1, "the first status");
  const startMs = clock.now();
  assert.deepEqual(reasons(), [
    "Starting",
    "NodeHasSufficientMemory",
    "NodeHasNoDiskPressure",
    "NodeHasSufficientPID",
    "NodeReady",
  ]);
  assert.deepEqual(events[0], {
    type: "Normal",
    reason: "Starting",
    message: "Starting kubelet.",
    object: { kind: "Node", namespace: "", name: "node-1", uid: "node-1" },
  });
  assert.equal(events[4]?.message, "Node node-1 status is now: NodeReady");
  await pass();
  await pass();
  assert.equal(nodes.length, 3);
  const ready = condition(nodes[2], "Ready");
  assert.ok((ready?.lastHeartbeatTime?.getTime() ?? 0) >= startMs + 20_000);
  assert.deepEqual(ready?.lastTransitionTime, condition(nodes[0], "Ready")?.lastTransitionTime);
  assert.equal(reasons().length, 5);
  await stop();
  const { length } = nodes;
  await clock.advance(60_000);
  assert.equal(nodes.length, length);
});

test("a change of health or of a pressure is reported at once, with its event", async (t) => {
  const { reporter, clock, runtimeErrors, pressures, nodes, start, reasons } = await reporting(t);
  start();
  await until(() => nodes.length === 1, "the first status");
  await clock.advance(1_000);
  runtimeErrors.push("container runtime is down");
  pressures.memory = true;
  reporter.refresh();
  await until(() => nodes.length === 2, "the second status");
  assert.deepEqual(reasons().slice(5), ["NodeHasInsufficientMemory", "NodeNotReady"]);
  const ready = condition(nodes[1], "Ready");
  assert.equal(ready?.message, "container runtime is down");
  assert.notDeepEqual(ready?.lastTransitionTime, condition(nodes[0], "Ready")?.lastTransitionTime);
  assert.equal(reporter.current(), nodes[1]);

  runtimeErrors.pop();
  reporter.refresh();
  await until(() => nodes.length === 3, "the third status");
  assert.deepEqual(reasons().slice(7), ["NodeReady"]);
});

test("the labels and taints of the API server count at once", async (t) => {
  const { reporter } = await reporting(t, { nodeLabels: { disk: "ssd" } });
  reporter.setNode({
    metadata: { uid: "uid-1", labels: { role: "db" } },
    spec: { taints: [{ key: "a", effect: "NoExecute" }] },
  });
  const { metadata, spec, status } = reporter.current();
  assert.equal(metadata?.labels?.role, "db");
  assert.equal(metadata?.labels?.disk, undefined);
  assert.equal(metadata?.labels?.["kubernetes.io/os"], "linux");
  assert.deepEqual(spec?.taints, [{ key: "a", effect: "NoExecute" }]);
  assert.equal(condition({ ...(status && { status }) }, "Ready")?.status, "True");
});

test("an earlier run's transition times are continued, and another boot id is a reboot", async (t) => {
  const { reporter, reasons, events, nodes, start } = await reporting(t);
  const earlier = "2025-12-01T00:00:00Z";
  const conditions = [
    { type: "Ready", status: "True", lastTransitionTime: earlier },
    { type: "DiskPressure", status: "Unknown", lastTransitionTime: earlier },
  ];
  const nodeInfo = { ...reporter.current().status?.nodeInfo, bootID: "boot-1" } as NonNullable<
    NonNullable<Node["status"]>["nodeInfo"]
  >;
  reporter.setNode({ status: { conditions, nodeInfo } });
  assert.deepEqual(reasons(), ["Rebooted"]);
  assert.equal(events[0]?.type, "Warning");
  assert.equal(events[0]?.message, "Node node-1 has been rebooted, boot id: boot-2");
  reporter.setNode({ status: { conditions, nodeInfo } });
  assert.deepEqual(reasons(), ["Rebooted"], "only the first status is that of an earlier run");
  start();
  await until(() => nodes.length === 1, "the first status");
  assert.deepEqual(condition(nodes[0], "Ready")?.lastTransitionTime, new Date(earlier));
  assert.notDeepEqual(condition(nodes[0], "DiskPressure")?.lastTransitionTime, new Date(earlier));
});

test("cordoning is an event", async (t) => {
  const { reporter, reasons } = await reporting(t);
  reporter.setNode({ spec: {} });
  reporter.setNode({ spec: { unschedulable: true } });
  reporter.setNode({ spec: { unschedulable: true } });
  reporter.setNode({ spec: {} });
  assert.deepEqual(reasons(), ["NodeNotSchedulable", "NodeSchedulable"]);
});

test("a program changes the conditions; the times are the kubelet's", async (t) => {
  let own: "True" | "False" = "True";
  const { reporter, nodes, start, clock } = await reporting(t, {
    nodeConditions: async (conditions) => [
      ...conditions,
      { type: "Own", status: own, reason: "Measured", message: "own", lastTransitionTime: new Date(0) },
    ],
  });
  start();
  await until(() => nodes.length === 1, "the first status");
  const first = condition(nodes[0], "Own");
  assert.deepEqual([first?.status, first?.reason, first?.message], ["True", "Measured", "own"]);
  assert.equal(Object.keys(first ?? {}).length, 6);
  assert.notDeepEqual(first?.lastTransitionTime, new Date(0));
  await clock.advance(5_000);
  own = "False";
  reporter.refresh();
  await until(() => nodes.length === 2, "the second status");
  assert.ok((condition(nodes[1], "Own")?.lastTransitionTime ?? 0) > (first?.lastTransitionTime ?? 0));
});

test("a node whose conditions cannot be determined is not ready", async (t) => {
  const { reporter } = await reporting(t, {
    nodeConditions: () => {
      throw new Error("no sensor");
    },
  });
  const ready = condition(reporter.current(), "Ready");
  assert.deepEqual([ready?.status, ready?.message], ["False", "nodeConditions: no sensor"]);
  assert.equal(reporter.current().status?.conditions?.length, 4);
});

test("conditions that never come do not delay the end, and the last status stays", async (t) => {
  let hangs = false;
  const { reporter, nodes, start } = await reporting(t, {
    nodeConditions: (conditions) => (hangs ? new Promise(() => undefined) : conditions),
  });
  const stop = start();
  await until(() => nodes.length === 1, "the first status");
  hangs = true;
  reporter.refresh();
  await stop();
  assert.equal(nodes.length, 1);
  assert.equal(condition(reporter.current(), "Ready")?.status, "True");
});

test("a runtime that does not answer delays no status, and is asked again", async (t) => {
  let isUp = false;
  let calls = 0;
  const { cri } = await scripted(t);
  const down = () => Promise.reject(new Error("the runtime is down"));
  const { reporter, nodes, start, pass } = await reporting(
    t,
    {},
    {
      cri: {
        runtime: {
          version: (request, options) => {
            calls += 1;
            return isUp ? cri.runtime.version(request, options) : down();
          },
        },
        image: { listImages: (request, options) => (isUp ? cri.image.listImages(request, options) : down()) },
      },
      health: () => ({
        runtimeErrors: ["container runtime is down"],
        networkError: undefined,
        status: undefined,
      }),
    },
  );
  const { status } = reporter.current();
  assert.equal(status?.nodeInfo?.containerRuntimeVersion, "unknown://Unknown");
  assert.deepEqual([status?.images, status?.runtimeHandlers], [[], undefined]);
  assert.equal(condition(reporter.current(), "Ready")?.status, "False");
  start();
  await pass();
  await pass();
  assert.deepEqual([calls, nodes.length], [3, 3]);
  isUp = true;
  await pass();
  await pass();
  assert.equal(reporter.current().status?.images?.length, 1);
  assert.match(reporter.current().status?.nodeInfo?.containerRuntimeVersion ?? "", /^cri-sdk-embedded:/);
});

test("wrong options are refused", async (t) => {
  const wrong: readonly (readonly [options: object, message: RegExp])[] = [
    [{ kubeletVersion: "1.36" }, /kubeletVersion must be a semantic version/],
    [{ capacity: { cpu: "two" } }, /capacity\["cpu"\] must be a quantity/],
    [{ nodeTaints: [{ key: "a", effect: "NoRun" }] }, /nodeTaints\[0\]\.effect must be one of/],
    [{ nodeAddresses: [{ type: "IP", address: "x" }] }, /nodeAddresses\[0\]\.type must be one of/],
    [{ labels: {} }, /labels is not an option/],
  ];
  for (const [options, message] of wrong) {
    const error = await failure(reporting(t, options), "invalid_option");
    assert.match(error.message, message);
  }
  assert.ok(isCriError(await failure(reporting(t, { maxPods: -1 }))));
});
