import type { VersionResponse } from "../../../gen/runtime/v1/api_pb.js";
import { checkArgument, messageOf, option } from "../../core/index.js";
import type { Cri } from "../../cri.js";
import {
  type Clock,
  type ContainerImage,
  HostFiles,
  type Node,
  type NodeFacts,
  type NodeStatus,
  Timer,
} from "../../kubernetes/index.js";
import type { NodePressures } from "../eviction/index.js";
import type { KubeletLoop, KubeletView } from "../kubelet-view.js";
import type { RuntimeHealth } from "../relist/index.js";
import { type HostInfo, readHostInfo, readHostResources } from "./host-info.js";
import {
  conditionEvents,
  type NodeConditionState,
  nodeConditions,
  readyCondition,
  withTimes,
} from "./node-conditions.js";
import { nodeImages } from "./node-images.js";
import { nodeObject } from "./node-object.js";
import { defaultEvictionReserve, type EvictionReserve } from "./node-resources.js";
import { nodeStatus } from "./node-status.js";
import { defaultKubeletVersion, defaultMaxPods, type NodeOptions, nodeTable } from "./options.js";

/** What a {@link NodeReporter} uses. */
export interface NodeReporterParts {
  readonly cri: {
    readonly runtime: Pick<Cri["runtime"], "version">;
    readonly image: Pick<Cri["image"], "listImages">;
  };
  readonly nodeName: string;
  readonly clock: Clock;
  readonly facts: () => Pick<NodeFacts, "nodeIPs" | "memoryBytes" | "swapBytes" | "rootDir">;
  /** The health of the runtime, with its last Status. */
  readonly health: () => RuntimeHealth;
  readonly pressures: () => NodePressures;
  readonly record: KubeletView["record"];
  /** Called whenever the status was computed: every 10 s, and after `refresh()`. */
  readonly onNode?: ((node: Node<Date>) => void) | undefined;
  /** The port of the kubelet's API, which may open later. @default none */
  readonly port?: (() => number | undefined) | undefined;
  /** Features of this kubelet for API servers and schedulers, such as `ExtendWebSocketsToKubelet`. @default none */
  readonly declaredFeatures?: (() => readonly string[]) | undefined;
  /**
   * The hard thresholds of evictions, which pods may not have; `{}` when nothing is evicted.
   * @default `{ "memory.available": "100Mi", "nodefs.available": "10%" }`
   */
  readonly evictionReserve?: EvictionReserve | undefined;
  /** @default the files of this machine */
  readonly files?: HostFiles | undefined;
}

/** What an API server knows of a Node. */
export type KnownNode = Pick<Node, "metadata" | "spec" | "status">;

/** Computes the Node of a kubelet: every 10 s, and whenever a part reports a change. */
export class NodeReporter implements KubeletLoop {
  /** Reads the machine and, if it answers in time, the runtime. Rejects with `invalid_option`, or with the reason of the signal. */
  static async open(
    parts: NodeReporterParts,
    options: NodeOptions = {},
    signal?: AbortSignal,
  ): Promise<NodeReporter> {
    checkArgument("NodeReporter.open", "options", options, option.nested(nodeTable));
    const reporter = new NodeReporter(parts, options, await readHostInfo(parts.files ?? new HostFiles()));
    await reporter.#readRuntime(openTimeoutMs, signal);
    signal?.throwIfAborted();
    await reporter.#compute();
    return reporter;
  }

  readonly #parts: NodeReporterParts;
  readonly #options: NodeOptions;
  readonly #files: HostFiles;
  readonly #host: HostInfo;
  readonly #timer: Timer;
  #version: VersionResponse | undefined;
  #images: readonly ContainerImage[] = [];
  #known: KnownNode | undefined;
  #status: NodeStatus<Date> = {};
  #node: Node<Date> | undefined;

  private constructor(parts: NodeReporterParts, options: NodeOptions, host: HostInfo) {
    this.#parts = parts;
    this.#options = options;
    this.#files = parts.files ?? new HostFiles();
    this.#host = host;
    this.#timer = new Timer(parts.clock);
  }

  /** Returns the Node as it was computed last, with the labels and taints that are known now. */
  current(): Node<Date> {
    const { nodeLabels = {}, nodeTaints = [] } = this.#options;
    this.#node ??= nodeObject(
      { nodeName: this.#parts.nodeName, host: this.#host, labels: nodeLabels, taints: nodeTaints },
      this.#known,
      this.#status,
    );
    return this.#node;
  }

  /** Computes the status now instead of after the rest of the 10 s: the health or a pressure has changed. */
  refresh(): void {
    this.#timer.wake();
  }

  /**
   * Takes the labels, annotations and spec of the Node at the API server. From the first Node with a status, an earlier run of this kubelet,
   * the transition times of conditions are taken, and a reboot is recognized.
   */
  setNode(node: KnownNode): void {
    this.#known = node;
    this.#node = undefined;
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#record("Normal", "Starting", "Starting kubelet.");
    await this.#compute();
    signal.throwIfAborted();
  }

  async #readRuntime(timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    const call = { timeoutMs, ...(signal === undefined ? {} : { signal }) };
    const { runtime, image } = this.#parts.cri;
    const [version, images] = await Promise.allSettled([
      runtime.version({}, call),
      image.listImages({}, call),
    ]);
    if (version.status === "fulfilled") this.#version = version.value;
    if (images.status === "fulfilled") this.#images = nodeImages(images.value.images);
  }

  async #compute(): Promise<void> {
    const { nodeName, clock, facts, health, pressures, port, declaredFeatures, evictionReserve } =
      this.#parts;
    const { nodeAddresses, capacity = {}, reserved = {}, maxPods, kubeletVersion } = this.#options;
    const { rootDir, nodeIPs, memoryBytes, swapBytes } = facts();
    const resources = await readHostResources(this.#files, rootDir);
    const current = health();
    const states = await this.#conditions(nodeConditions(pressures(), current));
    const before = this.#status.conditions ?? [];
    const conditions = withTimes(states, before, new Date(clock.now()));
    this.#status = nodeStatus(
      {
        nodeName,
        nodeIPs,
        nodeAddresses,
        host: this.#host,
        resources,
        memoryBytes,
        swapBytes,
        maxPods: maxPods ?? defaultMaxPods,
        capacity,
        reserved,
        evictionReserve: evictionReserve ?? defaultEvictionReserve,
        version: this.#version,
        runtime: current.status,
        images: this.#images,
        kubeletVersion: kubeletVersion ?? defaultKubeletVersion,
        port: port?.(),
        declaredFeatures: declaredFeatures?.() ?? [],
      },
      conditions,
    );
    this.#node = undefined;
    for (const reason of conditionEvents(before, conditions))
      this.#record("Normal", reason, `Node ${nodeName} status is now: ${reason}`);
    this.#parts.onNode?.(this.current());
  }

  async #conditions(states: readonly NodeConditionState[]): Promise<readonly NodeConditionState[]> {
    const { nodeConditions: hook } = this.#options;
    if (hook === undefined) return states;
    try {
      return await hook(states);
    } catch (error) {
      const isNotReady = ({ type }: NodeConditionState) => type !== "Ready";
      return [...states.filter(isNotReady), readyCondition([`nodeConditions failed: ${messageOf(error)}`])];
    }
  }

  #record(type: "Normal" | "Warning", reason: string, message: string): void {
    const { nodeName: name, record } = this.#parts;
    // kubectl finds the events of a node by this uid, its name.
    record({ type, reason, message, object: { kind: "Node", namespace: "", name, uid: name } });
  }
}

/** How long the first status waits for the runtime. */
const openTimeoutMs = 5_000;
