import type { Clock, Node, Pod, PodInputs, PodStatus } from "../kubernetes/index.js";
import type { KubeletEvent } from "./kubelet-event.js";
import type { KubeletAccess, KubeletAccessDecision, KubeletUser } from "./server/index.js";

/** A Pod of a kubelet, as sources and parts see it. */
export interface SourcePod {
  /** The Pod, as the source passed it. */
  readonly pod: Pod;
  /** The name of its source. */
  readonly source: string;
}

/** The interface of a kubelet to its sources. */
export interface SourceHost {
  /** The name of the node. */
  readonly nodeName: string;
  /** The clock of the kubelet. */
  readonly clock: Clock;
  /** Fires when the kubelet closes. */
  readonly signal: AbortSignal;
  /**
   * Takes the complete list of the source's Pods, whenever the list has changed. New ones are started, those with a deletion timestamp are
   * stopped, and those that are missing are stopped and removed. A kubelet does not remove unknown pods until each source has called
   * this once. Pods need `metadata.name`, `namespace` and `uid`. An object that was in the list before
   * counts as unchanged: give a new one for a new version.
   */
  readonly setPods: (pods: readonly Pod[]) => void;
  /** Syncs the pods that use objects which have changed: all of the source, or those with these uids. */
  readonly refresh: (uids?: readonly string[]) => void;
  /** Records an event, such as a file that cannot be read. */
  readonly record: (event: Omit<KubeletEvent, "timeMs">) => void;
  /** The Node as it is reported now. */
  readonly node: () => Node<Date>;
  /**
   * Takes the Node as the API server has it, whenever it changes: its labels, annotations and taints, which admission checks use. Of the
   * status of the first one, the transition times of conditions are kept, and another boot id means that the machine was rebooted.
   */
  readonly setNode: (node: Pick<Node, "metadata" | "spec" | "status">) => void;
  /**
   * The Pods of all sources, from their last lists; undefined until each source has given its Pods. Mirror pods of others are removed
   * from the API server.
   */
  readonly allPods: () => readonly SourcePod[] | undefined;
}

/** The objects that a Pod refers to. */
export type SourceInputs = Pick<
  PodInputs,
  "configMaps" | "secrets" | "services" | "runtimeClasses" | "serviceAccountTokens"
>;

/**
 * A source of Pods, which is also notified of their statuses and removal. All methods but `start` and `close` are optional. Statuses and
 * events of the Pods of every source are reported to every source, so that one of them may publish them all.
 */
export interface PodSource {
  /** Such as `file` or `api`: the annotation `kubernetes.io/config.source` of its Pods. Unique in a kubelet. */
  readonly name: string;
  /** Starts reading. Rejects only for lasting failures, such as a wrong option; outages are retried. */
  start(host: SourceHost): Promise<void>;
  /** Stops everything that `start` has started. Idempotent. */
  close(): Promise<void>;
  /**
   * Resolves when `inputs` knows the objects that the Pod refers to, or knows that they are missing. Called before the first sync of a
   * Pod of this source, and again after it was updated.
   */
  prepare?(pod: Pod, signal: AbortSignal): Promise<void>;
  /** Returns the objects that a Pod of this source refers to, as they are now. */
  inputs?(pod: Pod): SourceInputs;
  /** Called with each new status of a Pod of any source. */
  onStatus?(pod: SourcePod, status: PodStatus<Date>): void;
  /**
   * Resolves when the statuses of a Pod of any source that `onStatus` got have been published, or could not be. The kubelet calls it
   * before it removes the containers of a Pod, and waits ten seconds at most: after that, a kubelet that was killed in between could not
   * find out how they ended.
   */
  settleStatus?(pod: SourcePod, signal: AbortSignal): Promise<void>;
  /** Called when a Pod of any source is removed from the node: its containers, volumes and cgroup are gone. */
  onRemoved?(pod: SourcePod): void;
  /** Called with each event of the node and of the Pods of any source. */
  onEvent?(event: KubeletEvent): void;
  /** Called with the Node whenever its status was computed: every 10 s. */
  onNode?(node: Node<Date>): void;
  /**
   * Returns the user of a bearer token, undefined for one that is not valid. The default of the option of the kubelet's own API with this
   * name: that of the first source that has it.
   */
  authenticate?(token: string, signal: AbortSignal): Promise<KubeletUser | undefined>;
  /**
   * Decides whether a user of the kubelet's own API may do something. The default of the option with this name: that of the first source
   * that has it.
   */
  authorize?(user: KubeletUser, access: KubeletAccess, signal: AbortSignal): Promise<KubeletAccessDecision>;
}
