import type { VersionResponse } from "../../../gen/runtime/v1/api_pb.js";
import { checkArgument, messageOf, onAbort, option, raceAbort, withDeadline } from "../../core/index.js";
import type { Cri } from "../../cri.js";
import {
  type Clock,
  type ContainerImage,
  HostFiles,
  type Node,
  type NodeCondition,
  type NodeFacts,
  type NodeStatus,
  Timer,
} from "../../kubernetes/index.js";
import { callSafely } from "../callbacks.js";
import { nodeEventObject } from "../event-objects.js";
import { defaultHardThresholds, type NodePressures } from "../eviction/index.js";
import type { KubeletLoop, KubeletView } from "../kubelet-view.js";
import type { RuntimeHealth } from "../relist/index.js";
import { type HostInfo, readHostInfo, readHostResources } from "./host-info.js";
import {
  checkedConditions,
  conditionEvents,
  type NodeConditionState,
  nodeConditions,
  readyCondition,
  sinceEarlier,
  withTimes,
} from "./node-conditions.js";
import { nodeImages } from "./node-images.js";
import { nodeObject } from "./node-object.js";
import type { EvictionReserve } from "./node-resources.js";
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
  /** The hard eviction thresholds, which are not allocatable to pods; `{}` when no pods are evicted. @default `defaultHardThresholds` */
  readonly evictionReserve?: EvictionReserve | undefined;
  /** @default the files of this machine */
  readonly files?: HostFiles | undefined;
}

/** What an API server knows of a Node. */
export type KnownNode = Pick<Node, "metadata" | "spec" | "status">;

/** How often the status is computed, and the runtime asked for its version and images: as by the kubelet. */
const statusMs = 10_000;
const runtimeMs = 30_000;
/** The deadline of calls to the runtime. The first one is shorter, since a kubelet also starts without a runtime. */
const callTimeoutMs = 10_000;
const openTimeoutMs = 5_000;
/** The deadline of the callback `nodeConditions`. */
const callbackTimeoutMs = 10_000;

/**
 * Computes the Node of a kubelet: every 10 s, and whenever a part reports a change. A runtime that hangs delays nothing: its last
 * response is used. Records the events of the node.
 */
export class NodeReporter implements KubeletLoop {
  /** Reads the machine and, if it answers in 5 s, the runtime. Rejects with `invalid_option`, or with the reason of the signal. */
  static async open(
    parts: NodeReporterParts,
    options: NodeOptions = {},
    signal?: AbortSignal,
  ): Promise<NodeReporter> {
    checkArgument("NodeReporter.open", "options", options, option.nested(nodeTable));
    const files = parts.files ?? new HostFiles();
    const reporter = new NodeReporter(parts, options, files, await readHostInfo(files));
    await reporter.#readRuntime(openTimeoutMs, signal);
    signal?.throwIfAborted();
    await reporter.#compute(signal);
    return reporter;
  }

  readonly #parts: NodeReporterParts;
  readonly #options: NodeOptions;
  readonly #files: HostFiles;
  readonly #host: HostInfo;
  readonly #timer: Timer;
  #version: VersionResponse | undefined;
  #images: readonly ContainerImage[] = [];
  /** The Node at the API server. */
  #known: KnownNode | undefined;
  #isEarlierRunKnown = false;
  #isUnschedulable = false;
  #status: NodeStatus<Date> = {};
  /** The conditions that events were recorded for. */
  #recorded: readonly NodeCondition<Date>[] = [];
  /** Undefined when it must be assembled again. */
  #node: Node<Date> | undefined;

  private constructor(parts: NodeReporterParts, options: NodeOptions, files: HostFiles, host: HostInfo) {
    this.#parts = parts;
    this.#options = options;
    this.#files = files;
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

  /** Computes the status now, without waiting for the rest of the 10 s: the health or a pressure has changed. */
  refresh(): void {
    this.#timer.wake();
  }

  /**
   * Takes the labels, annotations and spec of the Node at the API server. The first Node with a status is what an earlier run of the kubelet
   * reported: the transition times of its conditions are kept, and another boot id means that the machine was rebooted.
   */
  setNode(node: KnownNode): void {
    this.#known = node;
    this.#node = undefined;
    if (node.status !== undefined && !this.#isEarlierRunKnown) {
      this.#isEarlierRunKnown = true;
      this.#continue(node.status);
    }
    const isUnschedulable = node.spec?.unschedulable ?? false;
    if (isUnschedulable === this.#isUnschedulable) return;
    this.#isUnschedulable = isUnschedulable;
    this.#recordStatus(isUnschedulable ? "NodeNotSchedulable" : "NodeSchedulable");
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#record("Normal", "Starting", "Starting kubelet.");
    const removeCallback = onAbort(signal, this.#timer.wake);
    const reading = this.#keepReadingRuntime(signal);
    while (!signal.aborted) {
      this.#timer.clear();
      await this.#report(signal);
      await this.#timer.wait(statusMs);
    }
    removeCallback();
    await reading;
  }

  async #keepReadingRuntime(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    while (!signal.aborted) {
      await clock.sleep(this.#version === undefined ? statusMs : runtimeMs, signal).catch(() => undefined);
      if (!signal.aborted) await this.#readRuntime(callTimeoutMs, signal);
    }
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

  async #report(signal: AbortSignal): Promise<void> {
    try {
      await this.#compute(signal);
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
    const { conditions = [] } = this.#status;
    for (const reason of conditionEvents(this.#recorded, conditions)) this.#recordStatus(reason);
    this.#recorded = conditions;
    callSafely("onNode", () => this.#parts.onNode?.(this.current()));
  }

  async #compute(signal: AbortSignal | undefined): Promise<void> {
    const { nodeName, clock, facts, health, pressures, port, declaredFeatures, evictionReserve } =
      this.#parts;
    const {
      nodeAddresses,
      capacity = {},
      reserved = {},
      maxPods = defaultMaxPods,
      kubeletVersion = defaultKubeletVersion,
    } = this.#options;
    const { rootDir, nodeIPs, memoryBytes, swapBytes } = facts();
    const resources = await readHostResources(this.#files, rootDir);
    const runtimeHealth = health();
    const states = await this.#changed(nodeConditions(pressures(), runtimeHealth), signal);
    const input = {
      nodeName,
      nodeIPs,
      nodeAddresses,
      host: this.#host,
      resources,
      memoryBytes,
      swapBytes,
      maxPods,
      capacity,
      reserved,
      evictionReserve: evictionReserve ?? defaultHardThresholds,
      version: this.#version,
      runtime: runtimeHealth.status,
      images: this.#images,
      kubeletVersion,
      port: port?.(),
      declaredFeatures: declaredFeatures?.() ?? [],
    };
    const conditions = withTimes(states, this.#status.conditions ?? [], new Date(clock.now()));
    this.#status = nodeStatus(input, conditions);
    this.#node = undefined;
  }

  /** Returns the conditions as the option `nodeConditions` changes them. If it fails, the node is not ready: its state is unknown. */
  async #changed(
    states: readonly NodeConditionState[],
    signal: AbortSignal | undefined,
  ): Promise<readonly NodeConditionState[]> {
    const { nodeConditions: change } = this.#options;
    if (change === undefined) return states;
    const call = { timeoutMs: callbackTimeoutMs, ...(signal === undefined ? {} : { signal }) };
    try {
      const given = await withDeadline(call, (ended) => raceAbort(Promise.resolve(change(states)), ended));
      return checkedConditions(given);
    } catch (error) {
      signal?.throwIfAborted();
      const others = states.filter(({ type }) => type !== "Ready");
      return [...others, readyCondition([`nodeConditions: ${messageOf(error)}`])];
    }
  }

  /** Continues the status of an earlier run. */
  #continue({ conditions = [], nodeInfo }: NodeStatus): void {
    const { bootID } = this.#host;
    if (bootID && nodeInfo?.bootID && nodeInfo.bootID !== bootID)
      this.#record(
        "Warning",
        "Rebooted",
        `Node ${this.#parts.nodeName} has been rebooted, boot id: ${bootID}`,
      );
    const current = this.#status.conditions ?? [];
    this.#status = { ...this.#status, conditions: sinceEarlier(current, conditions) };
  }

  #recordStatus(reason: string): void {
    this.#record("Normal", reason, `Node ${this.#parts.nodeName} status is now: ${reason}`);
  }

  #record(type: "Normal" | "Warning", reason: string, message: string): void {
    const { nodeName, record } = this.#parts;
    record({ type, reason, message, object: nodeEventObject(nodeName) });
  }
}
