import type { TestContext } from "node:test";
import {
  type ApiServerOptions,
  type ApiServerSource,
  apiServer,
} from "../../../src/kubelet/api-server/index.js";
import type { KubeletEvent } from "../../../src/kubelet/kubelet-event.js";
import type { SourceHost, SourcePod } from "../../../src/kubelet/pod-source.js";
import type { Clock, Node, NodeCondition, Pod, PodStatus } from "../../../src/kubernetes/index.js";
import type { TestCluster } from "../../support/api-server/index.js";
import { cleanup } from "../../support/cleanup.js";
import { VirtualClock } from "../../support/virtual-clock.js";
import { until } from "../../support/waiting.js";

export const nodeName = "node-1";

/** The releases of @kubernetes/client-node that can be loaded here. */
export const clientNodeReleases = Number(process.versions.node.split(".")[0]) >= 22 ? ["1.4", "2"] : ["1.4"];

/** Returns the KubeConfig of a release of @kubernetes/client-node for a kubeconfig. */
export async function kubeConfigOf(config: object, release = "1.4") {
  const { KubeConfig } = await (release === "2"
    ? import("client-node-2")
    : import("@kubernetes/client-node"));
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromString(JSON.stringify(config));
  return kubeConfig;
}

/** What a kubelet is to its source, for tests. */
export class TestHost implements SourceHost {
  readonly nodeName = nodeName;
  readonly clock: Clock;
  readonly #closing = new AbortController();
  readonly signal = this.#closing.signal;
  /** All lists that the source has given. */
  readonly lists: (readonly Pod[])[] = [];
  /** The uids of all calls of `refresh`. */
  readonly refreshed: string[] = [];
  readonly events: Omit<KubeletEvent, "timeMs">[] = [];
  readonly nodes: Pick<Node, "metadata" | "spec" | "status">[] = [];
  /** The pods of other sources; undefined while not all have given theirs. */
  statics: readonly SourcePod[] | undefined = [];
  current: Node<Date> = readyNode(new Date("2026-01-01T00:00:00Z"));

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** The Pods that the source has given last; undefined before it has. */
  get pods(): readonly Pod[] | undefined {
    return this.lists.at(-1);
  }

  readonly setPods = (pods: readonly Pod[]): void => {
    this.lists.push(pods);
  };
  readonly refresh = (uids: readonly string[] = []): void => {
    this.refreshed.push(...uids);
  };
  readonly record = (event: Omit<KubeletEvent, "timeMs">): void => {
    this.events.push(event);
  };
  readonly node = (): Node<Date> => this.current;
  readonly setNode = (node: Pick<Node, "metadata" | "spec" | "status">): void => {
    this.nodes.push(node);
  };
  readonly allPods = (): readonly SourcePod[] | undefined =>
    this.statics && [...this.statics, ...(this.pods ?? []).map((pod) => ({ pod, source: "api" }))];
}

/** A source with its host and its cluster. */
export interface StartedSource {
  readonly source: ApiServerSource;
  readonly host: TestHost;
  readonly clock: VirtualClock;
  /** Advances the clock until something holds. */
  until(holds: () => boolean, what: string): Promise<void>;
  /** Waits until the Pod is in the list of the source; returns it. */
  given(name: string): Promise<SourcePod>;
}

/** Starts a source as the user of the node, and closes it after the test. */
export async function startSource(
  t: TestContext,
  cluster: TestCluster,
  {
    release = "1.4",
    prepareHost = () => undefined,
    prepareSource = () => undefined,
    ...options
  }: ApiServerOptions & {
    readonly release?: string;
    readonly prepareHost?: (host: TestHost) => void;
    /** Called before the start. */
    readonly prepareSource?: (source: ApiServerSource) => void;
  } = {},
): Promise<StartedSource> {
  const clock = new VirtualClock();
  const host = new TestHost(clock);
  prepareHost(host);
  const kubeConfig = await kubeConfigOf(await cluster.nodeConfig(nodeName), release);
  const source = apiServer({ kubeConfig, ...options });
  cleanup(t, () => source.close());
  prepareSource(source);
  await source.start(host);
  const advancing = async (holds: () => boolean, what: string) => {
    let ticks = 0;
    await until(async () => {
      if (holds()) return true;
      // Requests take real time; back-offs take time of the clock.
      if (ticks++ % 4 === 3) await clock.advance(200);
      return holds();
    }, what);
  };
  return {
    ...{ source, host, clock, until: advancing },
    given: async (name) => {
      const find = () => host.pods?.find(({ metadata }) => metadata?.name === name);
      await advancing(() => find() !== undefined, `${name} is given`);
      const pod = find();
      if (pod === undefined) throw new Error(`${name} has gone again`);
      return { pod, source: "api" };
    },
  };
}

/** A Node that is Ready since a time. */
export function readyNode(since: Date, changes: Partial<NodeCondition<Date>> = {}): Node<Date> {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name: nodeName,
      labels: { "kubernetes.io/hostname": nodeName, tier: "edge" },
      annotations: { a: "b" },
    },
    status: {
      capacity: { cpu: "2", memory: "4096Ki", pods: "110" },
      allocatable: { cpu: "2", memory: "4096Ki", pods: "110" },
      addresses: [
        { type: "InternalIP", address: "10.0.0.1" },
        { type: "Hostname", address: nodeName },
      ],
      conditions: [
        {
          ...{
            type: "Ready",
            status: "True",
            reason: "KubeletReady",
            message: "kubelet is posting ready status",
          },
          ...{ lastHeartbeatTime: since, lastTransitionTime: since },
          ...changes,
        },
      ],
    },
  };
}

/** A Pod that is bound to the node. */
export function boundPod(name: string, spec: Partial<Pod["spec"]> = {}): Pod {
  return {
    metadata: { name, namespace: "default" },
    spec: { nodeName, containers: [{ name: "main", image: "busybox" }], ...spec },
  };
}

/** The status of a Pod whose container runs. */
export function runningStatus(startedAt: Date, changes: Partial<PodStatus<Date>> = {}): PodStatus<Date> {
  const condition = (type: string) => ({ type, status: "True", lastTransitionTime: startedAt });
  return {
    ...{
      phase: "Running",
      podIP: "10.1.0.1",
      podIPs: [{ ip: "10.1.0.1" }],
      hostIP: "10.0.0.1",
      startTime: startedAt,
    },
    hostIPs: [{ ip: "10.0.0.1" }],
    conditions: ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"].map(
      condition,
    ),
    containerStatuses: [
      {
        ...{ name: "main", image: "busybox", imageID: "sha256:1", containerID: "containerd://1" },
        ...{ ready: true, started: true, restartCount: 0, state: { running: { startedAt } } },
      },
    ],
    qosClass: "BestEffort",
    ...changes,
  };
}

/** The status of a Pod whose container has ended. */
export function endedStatus(startedAt: Date, exitCode = 0): PodStatus<Date> {
  const running = runningStatus(startedAt);
  const finishedAt = new Date(startedAt.getTime() + 1_000);
  return {
    ...running,
    phase: exitCode === 0 ? "Succeeded" : "Failed",
    containerStatuses: (running.containerStatuses ?? []).map((status) => ({
      ...status,
      ready: false,
      state: {
        terminated: { exitCode, reason: exitCode === 0 ? "Completed" : "Error", startedAt, finishedAt },
      },
    })),
  };
}
