import type { CriError } from "../core/index.js";
import type { ContainerExit, NodeContainer, NodePod } from "./objects.js";

interface Told {
  /** The sandbox's or container's id. */
  readonly id: string;
  /** The sandbox it belongs to; for a pod its own id. */
  readonly podId: string;
  /**
   * When it happened, by the runtime's clock as far as it tells: always for `stopped` and `created`; else, from a relist,
   * when it was found.
   */
  readonly at: Date;
  /** Whether the runtime told of it, or it came out of comparing its lists with what was known. */
  readonly source: "event" | "relist";
}

/**
 * Something happened to a sandbox. Each comes at most once for a pod, in this order; also where a runtime that has just started
 * lists it as stopped, and then as ready again. Only what was `deleted`, since a list did not have it, and is listed again is
 * told anew, from `created` on.
 */
export interface PodEvent extends Told {
  /** `started`: it is ready. `stopped`: it is no longer. */
  readonly type: "created" | "started" | "stopped" | "deleted";
  readonly kind: "pod";
  /** The pod after it; for `deleted`, the last that was known. */
  readonly pod: NodePod;
}

/**
 * Something happened to a container. Each comes at most once for a container, in this order; only what was `deleted`, since a
 * list did not have it, and is listed again is told anew, from `created` on.
 */
export type ContainerEvent = ContainerChangedEvent | ContainerStoppedEvent;

/** A container was created, started, or removed. */
export interface ContainerChangedEvent extends Told {
  readonly type: "created" | "started" | "deleted";
  readonly kind: "container";
  /** The container after it; for `deleted`, the last that was known. */
  readonly container: NodeContainer;
}

/** A container ended. */
export interface ContainerStoppedEvent extends Told {
  readonly type: "stopped";
  readonly kind: "container";
  readonly container: NodeContainer;
  /** How it ended; undefined when it was gone before that could be asked, or when the runtime did not say within 5 s. */
  readonly exit: ContainerExit | undefined;
}

/** From now on changes come in: as events, or, where the runtime has none, by polling its lists. */
export interface ConnectedEvent {
  readonly type: "connected";
  readonly by: "events" | "polling";
}

/** No changes come in; what happens meanwhile is told after the next `connected`. */
export interface DisconnectedEvent {
  readonly type: "disconnected";
  /** Why; undefined when the runtime ended its stream without an error. */
  readonly error: CriError | undefined;
}

/**
 * What there is, complete: what was told before and what these lists say is the same. Comes after each `connected` and after
 * each `overflow`.
 */
export interface ResyncEvent {
  readonly type: "resync";
  readonly reason: "start" | "reconnect" | "overflow";
  readonly pods: readonly NodePod[];
  readonly containers: readonly NodeContainer[];
}

/** Events were lost, since they were not read fast enough. A `resync` follows. */
export interface OverflowEvent {
  readonly type: "overflow";
  /** How many. */
  readonly lost: number;
}

/** What happens between the runtime and this program. */
export type ConnectionEvent = ConnectedEvent | DisconnectedEvent | ResyncEvent | OverflowEvent;

/** What `cri.events` gives. `type` tells which; those with a `kind` are of pods and containers. */
export type NodeEvent = PodEvent | ContainerEvent | ConnectionEvent;
