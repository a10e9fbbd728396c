import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { createKubelet, type KubeletOptions, type PodSource } from "../../../src/kubelet/index.js";
import { StartError } from "../../../src/kubernetes/index.js";
import { busybox } from "../../support/embedded.js";
import { kubeletNode, ListSource, onePod, untilPhase } from "../../support/kubelets.js";
import { until, within } from "../../support/waiting.js";

test("options that are unknown, missing or not valid are refused by name", async (t) => {
  const node = await kubeletNode(t);
  const sources = [new ListSource("list", [])];
  const refused = async (options: object, message: RegExp) => {
    const given = { cri: node.cri, sources, rootDir: node.rootDir, ...options } as KubeletOptions;
    await assert.rejects(within(10_000, createKubelet(given)), { reason: "invalid_option", message });
  };
  await refused({ source: sources }, /createKubelet: source is not an option \(did you mean sources\?\)/);
  await refused({ sources: undefined }, /sources is required/);
  await refused({ sources: [] }, /sources must have at least one source/);
  await refused({ sources: [{}] }, /sources\[0\] must be a source/);
  await refused({ sources: [...sources, ...sources] }, /must have different names, got "list" twice/);
  await refused({ cri: {} }, /cri must be a connection/);
  await refused({ rootDir: "here" }, /rootDir must be an absolute path/);
  await refused({ maxPods: -1 }, /maxPods must be/);
  await refused({ eviction: true }, /eviction must be an object/);
  await refused({ eviction: { hrad: {} } }, /eviction\.hrad is not an option/);
  await refused({ backOff: { firstMs: 0 } }, /backOff\.firstMs must be/);
  await refused({ foreignPods: "kill" }, /foreignPods must be one of/);
  await refused({ node: { nodeName: "x" } }, /node\.nodeName is not an option/);
  await refused({ admissionChecks: ["x"] }, /admissionChecks\[0\] must be a function/);
  await refused({ server: { prot: 1 } }, /server\.prot is not an option/);
});

test("callbacks that throw do not end the kubelet: each is a warning of the process", async (t) => {
  const node = await kubeletNode(t);
  const fail = () => {
    throw new Error("a fault of the user");
  };
  const bad = Object.assign(new ListSource("bad", []), {
    onStatus: fail,
    onEvent: fail,
    onRemoved: fail,
    onNode: fail,
  });
  const list = new ListSource("list", [onePod("a"), onePod("b")]);
  const warned = once(process, "warning");
  const kubelet = await node.start([bad, list], { onEvent: fail });
  await untilPhase(kubelet, "Running", "a", "b");
  const [warning] = await within(10_000, warned);
  assert.equal(warning.name, "KubeletCallbackWarning");
  assert.match(warning.message, /^on\w+.* threw: Error: a fault of the user/);
  list.set();
  await until(() => kubelet.pods().length === 0, "no pods");
  await kubelet.stop();
});

test("errors of callbacks about a Pod become its events, and are retried", async (t) => {
  const node = await kubeletNode(t);
  const list = new ListSource("list", [onePod("a"), onePod("refused")]);
  let failures = 2;
  const kubelet = await node.start([list], {
    admit({ pod }) {
      if (pod.metadata.name === "refused") throw new Error("no decision");
      return undefined;
    },
    containerConfig(config) {
      if (failures-- > 0) throw new Error("not now");
      return config;
    },
  });
  await untilPhase(kubelet, "Failed", "refused");
  assert.equal(kubelet.pod("test", "refused")?.status.reason, "UnexpectedAdmissionError");
  await until(
    () => list.events.some(({ message }) => message.includes("containerConfig: not now")),
    "an event",
  );
  await untilPhase(kubelet, "Running", "a");
  await kubelet.stop();
});

test("configs and handlers can be changed, except for the fields by which the kubelet finds its pods", async (t) => {
  const node = await kubeletNode(t);
  const list = new ListSource("list", [onePod("a")]);
  const kubelet = await node.start([list], {
    planner: (planner) => ({
      ...planner,
      pod(pod, inputs) {
        const plan = planner.pod(pod, inputs);
        return { ...plan, sandbox: { ...plan.sandbox, hostname: "planned" } };
      },
    }),
    sandboxConfig: (config) => ({
      ...config,
      labels: { team: "x" },
      metadata: undefined,
      logDirectory: "/elsewhere",
    }),
    containerConfig: (config, pod, container) => ({
      ...config,
      labels: { "io.kubernetes.pod.uid": "stolen", of: `${pod.metadata.name}/${container.name}` },
      annotations: {},
    }),
  });
  await untilPhase(kubelet, "Running", "a");
  const uid = kubelet.pod("test", "a")?.pod.metadata.uid;
  const [sandbox] = (await node.cri.runtime.listPodSandbox({})).items;
  assert.equal(sandbox?.metadata?.name, "a");
  assert.equal(sandbox.labels.team, "x");
  assert.equal(sandbox.labels["io.kubernetes.pod.uid"], uid);
  const [container] = (await node.cri.runtime.listContainers({})).containers;
  assert.equal(container?.labels.of, "a/main");
  assert.equal(container.labels["io.kubernetes.pod.uid"], uid);
  assert.ok(container.annotations["io.kubernetes.container.hash"]);
  await kubelet.close();
  // The containers are found again.
  const next = await node.start([new ListSource("list", [onePod("a")])]);
  await untilPhase(next, "Running", "a");
  assert.equal((await node.cri.runtime.listContainers({})).containers[0]?.id, container.id);
  await next.stop();
});

test("an image policy replaces images, and refuses them with a reason", async (t) => {
  const node = await kubeletNode(t);
  const ofImage = (name: string, image: string) =>
    onePod(name, [], { containers: [{ name: "main", image, command: ["run"] }] });
  const list = new ListSource("list", [
    ofImage("replaced", "example.com/mine:1"),
    ofImage("denied", "example.com/evil:1"),
  ]);
  const kubelet = await node.start([list], {
    imagePolicy({ image, pod, container }) {
      assert.equal(container, "main");
      assert.ok(pod.metadata.uid);
      if (image.includes("evil")) throw new StartError("ErrImageNeverPull", "the policy denies it");
      return { image: busybox, pullPolicy: "IfNotPresent" };
    },
  });
  await untilPhase(kubelet, "Running", "replaced");
  await kubelet.waitFor(
    () =>
      kubelet.pod("test", "denied")?.status.containerStatuses?.[0]?.state?.waiting?.reason ===
      "ErrImageNeverPull",
    { timeoutMs: 30_000 },
  );
  assert.ok(list.events.some(({ message }) => message === "the policy denies it"));
  await kubelet.stop();
});

test("a source that cannot start closes everything, and its error is that of createKubelet", async (t) => {
  const node = await kubeletNode(t);
  const list = new ListSource("list", [onePod("a")]);
  const bad: PodSource = {
    name: "bad",
    start: async () => {
      throw new Error("cannot heal");
    },
    close: async () => undefined,
  };
  await assert.rejects(node.start([list, bad]), { message: "cannot heal" });
  assert.ok(list.isClosed);
  // The lock is free.
  await (await node.start([new ListSource("list", [])])).stop();
});

test("a closed client and a signal that has fired end the start", async (t) => {
  const node = await kubeletNode(t);
  const waiting = new AbortController();
  await node.cri.close();
  await assert.rejects(node.start([new ListSource("list", [])]), { reason: "client_closed" });
  waiting.abort();
  await assert.rejects(node.start([new ListSource("list", [])], { signal: waiting.signal }), {
    reason: "aborted_by_caller",
  });
});

test("a start that is canceled at any time leaves no lock, and nothing that runs", async (t) => {
  const node = await kubeletNode(t);
  for (const delayMs of [0, 1, 2, 5, 10, 20]) {
    const cancel = new AbortController();
    const list = new ListSource("list", [onePod("a")]);
    const starting = node.start([list], { signal: cancel.signal });
    setTimeout(() => cancel.abort(), delayMs);
    // A start that was faster is closed by the signal.
    await within(20_000, starting, "the start").then(
      (kubelet) => kubelet.close(),
      (error: unknown) => assert.equal((error as { reason?: unknown }).reason, "aborted_by_caller"),
    );
  }
  const kubelet = await node.start([new ListSource("list", [onePod("a")])]);
  await untilPhase(kubelet, "Running", "a");
  assert.equal((await node.cri.runtime.listContainers({})).containers.length, 1);
  await kubelet.stop();
});

test("a Pod waits with an event while another source has one of the same name", async (t) => {
  const node = await kubeletNode(t);
  const first = new ListSource("first", [onePod("a")]);
  const second = new ListSource("second", [onePod("a", ["sleep", "1000"])]);
  const kubelet = await node.start([first, second]);
  await untilPhase(kubelet, "Running", "a");
  await until(() => first.events.some(({ reason }) => reason === "NameConflict"), "an event");
  assert.deepEqual(
    kubelet.pods().map(({ source, state }) => [source, state]),
    [
      ["first", "active"],
      ["second", "pending"],
    ],
  );
  first.set();
  await kubelet.waitFor(() => kubelet.pod("test", "a")?.source === "second", { timeoutMs: 30_000 });
  await untilPhase(kubelet, "Running", "a");
  await kubelet.stop();
});

test("pods get the addresses and resources that the Node reports", async (t) => {
  const node = await kubeletNode(t);
  const pod = onePod("a", [], {
    containers: [
      {
        name: "main",
        image: busybox,
        command: ["run"],
        env: [{ name: "CPU", valueFrom: { resourceFieldRef: { resource: "limits.cpu" } } }],
      },
    ],
  });
  const kubelet = await node.start([new ListSource("list", [pod])], {
    nodeAddresses: [{ type: "InternalIP", address: "192.0.2.77" }],
    capacity: { cpu: 64, "example.com/gpu": 2 },
    reserved: { cpu: 1 },
    nodeLabels: { disk: "fast" },
  });
  await untilPhase(kubelet, "Running", "a");
  assert.equal(kubelet.pod("test", "a")?.status.hostIP, "192.0.2.77");
  const [call] = node.runtime.calls.of("createContainer");
  const cpu = call?.request.config?.envs.find(({ key }) => key === "CPU");
  assert.equal(new TextDecoder().decode(cpu?.value), "63");
  const { status, metadata } = kubelet.node();
  assert.equal(status?.allocatable?.cpu, "63");
  assert.equal(metadata?.labels?.disk, "fast");
  await kubelet.stop();
});
