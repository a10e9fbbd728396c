import type { Cri } from "../cri.js";
import type {
  Clock,
  DefaultedPod,
  Node,
  NodeFacts,
  NodeFiles,
  ObservedPod,
  PodFailure,
  PodStatus,
} from "../kubernetes/index.js";
import type { KubeletEvent } from "./kubelet-event.js";

/** A Pod that a kubelet knows. */
export interface KubeletPod {
  /** As its source gave it, with defaults. */
  readonly pod: DefaultedPod;
  /** The name of its source. */
  readonly source: string;
  /** Its current status. */
  readonly status: PodStatus<Date>;
  /** Its sandboxes and containers as the runtime reported them last. */
  readonly observed: ObservedPod;
  /**
   * `pending` until its worker has started, `active` while it runs, `terminating` while it is stopped for good, `ended` when all of its
   * containers have stopped for good, and `rejected` when it was not admitted.
   */
  readonly state: "pending" | "active" | "terminating" | "ended" | "rejected";
}

/** The view that the parts of a kubelet have of it. The functions return current values. */
export interface KubeletView {
  readonly cri: Cri;
  readonly nodeName: string;
  readonly clock: Clock;
  /** The files and mounts of pods. */
  readonly files: NodeFiles;
  readonly facts: () => NodeFacts;
  readonly node: () => Node<Date>;
  readonly pods: () => readonly KubeletPod[];
  /** Whether each source has given its Pods. Until then, unknown pods must not be removed. */
  readonly hasAllSources: () => boolean;
  /** Stops a Pod for good, as failed: an eviction. */
  readonly evict: (uid: string, failure: Eviction) => void;
  readonly record: (event: Omit<KubeletEvent, "timeMs">) => void;
}

/** Why and how a Pod is evicted. */
export interface Eviction extends PodFailure {
  /** @default that of the Pod */
  readonly gracePeriodSeconds?: number | undefined;
}

/** A part of a kubelet that works until the signal fires. It never rejects, and retries what fails. */
export interface KubeletLoop {
  run(signal: AbortSignal): Promise<void>;
}
