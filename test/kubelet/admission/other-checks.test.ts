import assert from "node:assert/strict";
import { test } from "node:test";
import {
  checkHostPorts,
  checkPodOs,
  checkSupplementalGroups,
  checkTaints,
  defaultAdmissionChecks,
  toleratesTaint,
} from "../../../src/kubelet/index.js";
import type { ContainerPort, Node, PodSpec, Taint, Toleration } from "../../../src/kubernetes/index.js";
import { nodeWith, podWith, requestOf } from "./requests.js";

const staticPod = { annotations: { "kubernetes.io/config.source": "file" } };

test("a Pod for another operating system is not admitted", async () => {
  const node: Node<Date> = { status: { nodeInfo: nodeInfo("linux") } };
  const check = (spec: Partial<PodSpec>, labels = {}) =>
    checkPodOs(requestOf(podWith({}, spec, { labels }), node));
  assert.equal(await check({}), undefined);
  assert.equal(await check({ os: { name: "linux" } }), undefined);
  assert.deepEqual(await check({ os: { name: "windows" } }), {
    reason: "PodOSNotSupported",
    message: "Failed to admit pod as the OS field doesn't match node OS",
  });
  assert.equal(await check({}, { "kubernetes.io/os": "linux" }), undefined);
  const labelled = await check({}, { "kubernetes.io/os": "windows" });
  assert.equal(labelled?.reason, "PodOSSelectorNodeLabelDoesNotMatch");
});

function nodeInfo(operatingSystem: string): NonNullable<NonNullable<Node["status"]>["nodeInfo"]> {
  const unknown = {
    bootID: "",
    kernelVersion: "",
    kubeProxyVersion: "",
    kubeletVersion: "",
    machineID: "",
    osImage: "",
    systemUUID: "",
  };
  return { ...unknown, architecture: "amd64", containerRuntimeVersion: "", operatingSystem };
}

test("strict supplemental groups need the support of the runtime", async () => {
  const strict = podWith({}, { securityContext: { supplementalGroupsPolicy: "Strict" } });
  const merge = podWith({}, { securityContext: { supplementalGroupsPolicy: "Merge" } });
  const supporting: Node<Date> = { status: { features: { supplementalGroupsPolicy: true } } };
  assert.equal(await checkSupplementalGroups(requestOf(strict, supporting)), undefined);
  assert.equal(await checkSupplementalGroups(requestOf(merge)), undefined);
  assert.deepEqual(await checkSupplementalGroups(requestOf(strict)), {
    reason: "SupplementalGroupsPolicyNotSupported",
    message: "SupplementalGroupsPolicy=Strict is not supported in this node",
  });
});

const withPorts = (...ports: readonly ContainerPort[]) =>
  podWith({}, { containers: [{ name: "main", image: "busybox", ports }] });
const http: ContainerPort = { containerPort: 80, hostPort: 8080 };

const portCases: readonly (readonly [
  what: string,
  wanted: ContainerPort,
  used: ContainerPort,
  isFree: boolean,
])[] = [
  ["the same port", http, http, false],
  ["another port", http, { ...http, hostPort: 8081 }, true],
  ["the same port of another protocol", http, { ...http, protocol: "UDP" }, true],
  ["two addresses", { ...http, hostIP: "192.0.2.1" }, { ...http, hostIP: "192.0.2.2" }, true],
  ["one address", { ...http, hostIP: "192.0.2.1" }, { ...http, hostIP: "192.0.2.1" }, false],
  ["an address, and all of them", { ...http, hostIP: "192.0.2.1" }, http, false],
  ["all addresses, and one of them", { ...http, hostIP: "0.0.0.0" }, { ...http, hostIP: "192.0.2.1" }, false],
  ["no port of the host", { containerPort: 80 }, { containerPort: 80 }, true],
];

for (const [what, wanted, used, isFree] of portCases)
  test(`host ports: ${what}`, async () => {
    const found = await checkHostPorts(requestOf(withPorts(wanted), nodeWith({}), [withPorts(used)]));
    const conflict = {
      reason: "NodePorts",
      message: "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
    };
    assert.deepEqual(found, isFree ? undefined : conflict);
  });

test("host ports: pods in the host's network and sidecars have theirs, init containers need none", async () => {
  const main = { name: "main", image: "busybox" };
  const hostNetwork = podWith(
    {},
    { hostNetwork: true, containers: [{ ...main, ports: [{ containerPort: 8080 }] }] },
  );
  const initial = { name: "init", image: "busybox", ports: [http] };
  const sidecar = podWith(
    {},
    { containers: [main], initContainers: [{ ...initial, restartPolicy: "Always" }] },
  );
  const init = podWith({}, { containers: [main], initContainers: [initial] });
  const reasonOf = async (pod: typeof init) =>
    (await checkHostPorts(requestOf(pod, nodeWith({}), [withPorts(http)])))?.reason;
  assert.equal(await reasonOf(hostNetwork), "NodePorts");
  assert.equal(await reasonOf(sidecar), "NodePorts");
  assert.equal(await reasonOf(init), undefined);
});

const taint: Taint = { key: "dedicated", value: "db", effect: "NoExecute" };

test("a taint with NoExecute needs a toleration; static Pods need none", async () => {
  const node = (...taints: Taint[]): Node<Date> => ({
    spec: { taints: taints.map(({ key, effect }) => ({ key, effect, value: "db" })) },
  });
  const check = (found: Node<Date>, spec: Partial<PodSpec> = {}, metadata = {}) =>
    checkTaints(requestOf(podWith({}, spec, metadata), found));
  assert.deepEqual(await check(node(taint)), {
    reason: "TaintToleration",
    message: "Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate",
  });
  assert.equal(await check(node({ ...taint, effect: "NoSchedule" })), undefined);
  assert.equal(await check(node(taint), {}, staticPod), undefined);
  const tolerations: readonly Toleration[] = [{ key: "dedicated", operator: "Exists" }];
  assert.equal(await check(node(taint), { tolerations }), undefined);
  const other = { ...taint, key: "other" };
  assert.equal((await check(node(taint, other), { tolerations }))?.reason, "TaintToleration");
});

const tolerations: readonly (readonly [Toleration, boolean])[] = [
  [{ key: "dedicated", value: "db" }, true],
  [{ key: "dedicated", operator: "Equal", value: "db", effect: "NoExecute" }, true],
  [{ key: "dedicated", operator: "Equal", value: "web" }, false],
  [{ key: "dedicated", operator: "Equal", value: "db", effect: "NoSchedule" }, false],
  [{ key: "dedicated", operator: "Exists" }, true],
  [{ key: "other", operator: "Exists" }, false],
  [{ operator: "Exists" }, true],
  [{ operator: "Exists", effect: "NoSchedule" }, false],
  [{ key: "dedicated", operator: "Gt", value: "1" }, false],
  [{ key: "dedicated", operator: "Unknown", value: "db" }, false],
];

for (const [toleration, expected] of tolerations)
  test(`${JSON.stringify(toleration)} ${expected ? "tolerates" : "does not tolerate"} dedicated=db:NoExecute`, () => {
    assert.equal(toleratesTaint(toleration, taint), expected);
  });

test("Gt and Lt compare the taint's value with the toleration's", () => {
  const numbered = { key: "sla", value: "950", effect: "NoExecute" };
  assert.equal(toleratesTaint({ key: "sla", operator: "Gt", value: "900" }, numbered), true);
  assert.equal(toleratesTaint({ key: "sla", operator: "Gt", value: "1000" }, numbered), false);
  assert.equal(toleratesTaint({ key: "sla", operator: "Lt", value: "1000" }, numbered), true);
  assert.equal(toleratesTaint({ key: "sla", operator: "Lt", value: "950" }, numbered), false);
});

test("wrong arguments are refused by name", () => {
  for (const check of defaultAdmissionChecks)
    for (const wrong of [undefined, null, {}, { pod: podWith({}), node: {} }])
      assert.throws(() => check(wrong as never), /^CriError: .*\w+: request must have a `pod`/s);
  assert.throws(() => toleratesTaint(undefined as never, taint), /toleration must be an object/);
  assert.throws(() => toleratesTaint({}, undefined as never), /taint must be an object/);
});

test("the default checks admit a Pod that fits, and name a lack of resources before an affinity that does not match", async () => {
  const first = async (spec: Partial<PodSpec>, requests = {}) => {
    for (const check of defaultAdmissionChecks) {
      const found = await check(requestOf(podWith(requests, spec), nodeWith({ cpu: "1" })));
      if (found) return found.reason;
    }
    return undefined;
  };
  assert.equal(await first({}, { cpu: "1" }), undefined);
  assert.equal(await first({ nodeSelector: { disk: "ssd" } }, { cpu: "2" }), "OutOfcpu");
  assert.equal(await first({ nodeSelector: { disk: "ssd" }, os: { name: "windows" } }), "PodOSNotSupported");
});
