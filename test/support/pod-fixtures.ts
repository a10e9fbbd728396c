// Pods and the node of the vectors for the configs of Pods.
import { planContainer, podPlan } from "../../src/kubernetes/config/plan-pod.js";
import type {
  Container,
  NodeFacts,
  ObjectMeta,
  Pod,
  PodInputs,
  PodSpec,
} from "../../src/kubernetes/index.js";
import { defaultPod } from "../../src/kubernetes/index.js";

export const vectorUid = "11111111-2222-3333-4444-555555555555";

/** A node with 8 GiB of memory, cgroup v2, DNS of a cluster, and no swap controller. */
export const vectorNode: NodeFacts = {
  nodeName: "node-1",
  nodeIPs: ["192.0.2.10", "2001:db8::10"],
  memoryBytes: 8_589_934_592n,
  swapBytes: 0n,
  allocatable: { cpu: 4, memory: "7Gi", "ephemeral-storage": "50Gi" },
  cgroupVersion: 2,
  cgroupDriver: "cgroupfs",
  cgroupRoot: "/",
  hugePageSizes: ["2MB", "1GB"],
  hasHugetlbController: true,
  hasSwapController: false,
  swapBehavior: "NoSwap",
  cpuCfsQuota: true,
  cpuCfsPeriodMicros: 100_000,
  singleProcessOomKill: false,
  memoryQos: "off",
  pageSizeBytes: 4096,
  clusterDns: ["10.96.0.10"],
  clusterDomain: "cluster.local",
  resolvConf: "nameserver 10.1.1.1\nsearch corp.example.\noptions timeout:2\n",
  hostsFile: "127.0.0.1\tlocalhost\n192.0.2.10\tnode-1\n",
  rootDir: "/var/lib/kubelet",
  podLogsDir: "/var/log/pods",
  seccompDefault: false,
  thermalThrottlePaths: [],
  selinux: false,
  runtimeFeatures: { supplementalGroupsPolicy: true, userNamespacesHostNetwork: false },
  runtimeHandlers: {
    "": { userNamespaces: true, recursiveReadOnlyMounts: true },
    kata: { userNamespaces: false, recursiveReadOnlyMounts: false },
  },
  runtimeName: "containerd",
};

/** Returns the Pod `prod/web-0` with these containers, or with one of them. */
export function podOf(spec: Partial<PodSpec> | Partial<Container>, metadata: Partial<ObjectMeta> = {}): Pod {
  const isPod = "containers" in spec || !("name" in spec);
  const containers: readonly Container[] = [containerOf({})];
  return {
    metadata: { name: "web-0", namespace: "prod", uid: vectorUid, ...metadata },
    spec: isPod ? { containers, ...spec } : { containers: [containerOf(spec)] },
  };
}

/** Returns a container, by default `c` of busybox. */
export function containerOf(fields: Partial<Container>): Container {
  return { name: "c", image: "busybox", ...fields };
}

export function sandboxOf(pod: Pod, node: Partial<NodeFacts> = {}, inputs: PodInputs = {}) {
  return podPlan(defaultPod(pod), { ...vectorNode, ...node }, inputs).sandbox;
}

export function planOf(pod: Pod, node: Partial<NodeFacts> = {}, inputs: PodInputs = {}) {
  return podPlan(defaultPod(pod), { ...vectorNode, ...node }, inputs);
}

/** Plans the container with this name, by default `c`. */
export function plannedOf(pod: Pod, node: Partial<NodeFacts> = {}, inputs: PodInputs = {}, name = "c") {
  return planContainer(defaultPod(pod), name, { ...vectorNode, ...node }, inputs);
}

/** Returns the variables of a container as text. */
export function variablesOf({ config }: ReturnType<typeof plannedOf>): Record<string, string> {
  return Object.fromEntries(config.envs.map(({ key, value }) => [key, Buffer.from(value).toString()]));
}
