import { codeOf, messageOf } from "../../core/index.js";
import {
  type Clock,
  type DefaultedPod,
  type Node,
  type NodeFacts,
  type PodCgroups,
  podCgroupParent,
  type ResizableResource,
  type Resources,
} from "../../kubernetes/index.js";
import { cpuShares, parseQuantity } from "../../pods/index.js";
import { podEventObject } from "../event-objects.js";
import type { KubeletEvent } from "../kubelet-event.js";
import type { KubeletLoop } from "../kubelet-view.js";
import { nodeAllocatable } from "../node/node-resources.js";
import { CgroupFiles } from "./cgroup-files.js";
import { type CgroupLimits, podLimits, qosShares } from "./limits.js";
import type { CgroupOptions } from "./options.js";

/** What {@link NodeCgroups} needs of its kubelet. */
export interface NodeCgroupsParts extends CgroupOptions {
  readonly facts: () => NodeFacts;
  readonly node: () => Node<Date>;
  /** What is kept from pods, as the kubelet's option `reserved`. @default nothing */
  readonly reserved?: Resources | undefined;
  /** The Pods that run or will run, with the resources that are allocated to them: what the QoS classes weigh. */
  readonly pods: () => readonly DefaultedPod[];
  readonly clock: Clock;
  readonly record: (event: Omit<KubeletEvent, "timeMs">) => void;
  /** Where cgroups are mounted. @default "/sys/fs/cgroup" */
  readonly mount?: string | undefined;
}

/** How often the QoS classes are weighed anew, in milliseconds. */
const qosIntervalMs = 60_000;
const classes = ["Burstable", "BestEffort"] as const;
/** What the kernel answers where this process may not create cgroups, or there are none. */
const notAllowed: ReadonlySet<string> = new Set(["EACCES", "EPERM", "EROFS", "ENOENT", "ENOTDIR"]);

/**
 * The cgroups of pods and of their QoS classes, with the limits that the kubelet sets. It is the `cgroups` of workers. The cgroup of a pod is
 * removed by `removePod`; `kubepods` and those of the classes when the kubelet ends, if they are empty.
 *
 * Where this process may not write, and with systemd, which owns its slices, the runtime creates the cgroups, without limits of pods; an
 * event of the node says so once. Containers have their own limits in any case.
 */
export class NodeCgroups implements PodCgroups, KubeletLoop {
  readonly #parts: NodeCgroupsParts;
  /** The shares of the QoS classes that were set last. */
  readonly #shares = new Map<string, bigint>();
  /** The messages of the events that were recorded: each of them is reported once. */
  readonly #reported = new Set<string>();
  #isLimited = false;

  constructor(parts: NodeCgroupsParts) {
    this.#parts = parts;
  }

  readonly prepare = async (pod: DefaultedPod): Promise<void> => {
    await this.#try(pod, async (files, path) => {
      await this.#prepareClasses(files);
      await files.create(path);
      await files.set(path, this.#limitsOf(pod));
      await this.#weigh(files);
    });
  };

  readonly raise = async (pod: DefaultedPod, resource: ResizableResource): Promise<void> => {
    await this.#try(pod, (files, path) => files.raise(path, only(resource, this.#limitsOf(pod))));
  };

  readonly set = async (pod: DefaultedPod, resource: ResizableResource): Promise<void> => {
    await this.#try(pod, async (files, path) => {
      await files.set(path, only(resource, this.#limitsOf(pod)));
      if (resource === "cpu") await this.#weigh(files);
    });
  };

  readonly memory: PodCgroups["memory"] = async (pod) => {
    let memory: Awaited<ReturnType<PodCgroups["memory"]>>;
    await this.#try(pod, async (files, path) => {
      memory = await files.memory(path);
    });
    return memory;
  };

  /**
   * Creates the QoS classes, and weighs them each minute, as the kubelet does. At the end, removes what is above pods, where it is empty.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    while (!signal.aborted) {
      const files = this.#files();
      try {
        if (files) await this.#prepareClasses(files);
        if (files) await this.#weigh(files);
      } catch (error) {
        this.#report(undefined, error);
      }
      await clock.sleep(qosIntervalMs, signal).catch(() => undefined);
    }
    for (const name of [...classes.map((qos) => this.#pathOf(qos)), this.#root])
      await this.#files()?.remove(name);
  }

  /** The path of `kubepods`. */
  get #root(): string {
    return `/${[...this.#parts.facts().cgroupRoot.split("/").filter(Boolean), "kubepods"].join("/")}`;
  }

  #pathOf(qos: (typeof classes)[number]): string {
    return `${this.#root}/${qos.toLowerCase()}`;
  }

  /** Returns the cgroups as files; undefined where the runtime or systemd creates them. */
  #files(): CgroupFiles | undefined {
    const { facts, mount = "/sys/fs/cgroup" } = this.#parts;
    const { cgroupDriver, cgroupVersion } = facts();
    return cgroupDriver === "cgroupfs" ? new CgroupFiles(mount, cgroupVersion) : undefined;
  }

  async #try(pod: DefaultedPod, work: (files: CgroupFiles, path: string) => Promise<void>): Promise<void> {
    const { facts } = this.#parts;
    const files = this.#files();
    if (files === undefined) {
      if (facts().cgroupDriver === "systemd")
        this.#reportOnce(
          "the slices of pods are left to systemd and the runtime: pods have no limits as a whole",
        );
      return;
    }
    try {
      await work(files, podCgroupParent(pod, facts()));
    } catch (error) {
      this.#report(pod, error);
    }
  }

  /** Creates the cgroups above those of pods: `kubepods` and both QoS classes. */
  async #prepareClasses(files: CgroupFiles): Promise<void> {
    const { enforceNodeAllocatable = true } = this.#parts;
    for (const qos of classes) await files.create(this.#pathOf(qos));
    if (this.#isLimited || !enforceNodeAllocatable) return;
    const limits = this.#nodeLimits();
    await files.set(this.#root, limits);
    this.#isLimited = limits.memoryBytes !== undefined;
  }

  /**
   * Returns the limits of all pods together: the capacity of the node without what is reserved. The thresholds of evictions are not
   * subtracted: pods are evicted before the kernel kills them. Source: the kubelet's enforceNodeAllocatable.
   */
  #nodeLimits(): CgroupLimits {
    const { node, reserved = {} } = this.#parts;
    const amounts = nodeAllocatable(node().status?.capacity ?? {}, reserved, {});
    const cpu = amounts.cpu === undefined ? undefined : parseQuantity(amounts.cpu);
    const memory = amounts.memory === undefined ? undefined : parseQuantity(amounts.memory);
    return {
      ...(cpu && { cpuShares: cpuShares(cpu.milliValue()) }),
      ...(memory && { memoryBytes: memory.value() }),
    };
  }

  /** Gives the QoS classes the shares of their pods. */
  async #weigh(files: CgroupFiles): Promise<void> {
    const pods = this.#parts.pods();
    for (const qos of classes) {
      const shares = qosShares(pods, qos);
      if (this.#shares.get(qos) === shares) continue;
      await files.set(this.#pathOf(qos), { cpuShares: shares });
      this.#shares.set(qos, shares);
    }
  }

  #limitsOf(pod: DefaultedPod): CgroupLimits {
    const { facts, podPidsLimit } = this.#parts;
    return podLimits(pod, facts(), podPidsLimit);
  }

  #report(pod: DefaultedPod | undefined, error: unknown): void {
    if (pod === undefined || notAllowed.has(codeOf(error) ?? "")) {
      this.#reportOnce(
        `cannot create the cgroups of pods, which have no limits as a whole: ${messageOf(error)}`,
      );
      return;
    }
    const { uid } = pod.metadata;
    const message = `unable to ensure pod container exists: ${messageOf(error)}`;
    if (this.#reported.has(`${uid} ${message}`)) return;
    this.#reported.add(`${uid} ${message}`);
    this.#parts.record({
      type: "Warning",
      reason: "FailedToCreatePodContainer",
      message,
      object: podEventObject(pod),
    });
  }

  #reportOnce(message: string): void {
    // The paths of pods differ, the reason is the same.
    const [text = message] = message.split(": ");
    if (this.#reported.has(text)) return;
    this.#reported.add(text);
    const { name = "", uid = "" } = this.#parts.node().metadata ?? {};
    this.#parts.record({
      type: "Normal",
      reason: "PodCgroupsUnlimited",
      message,
      object: { kind: "Node", namespace: "", name, uid },
    });
  }
}

function only(
  resource: ResizableResource,
  { cpuShares, cpuQuota, cpuPeriod, memoryBytes }: CgroupLimits,
): CgroupLimits {
  return resource === "cpu" ? { cpuShares, cpuQuota, cpuPeriod } : { memoryBytes };
}
