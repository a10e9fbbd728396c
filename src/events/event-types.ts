import type { CriError } from "../core/index.js";
import type { ContainerExit, NodeContainer, NodePod } from "./objects.js";

interface ObjectEvent {
  /** The id of the sandbox or container. */
  readonly id: string;
  /** The id of the container's sandbox; for a pod, its own id. */
  readonly podId: string;
  /**
   * When it happened, by the runtime's clock where the runtime reports it: always for `created` and `stopped`. For other events that
   * come from a relist: when the change was found.
   */
  readonly at: Date;
  /** Whether the runtime sent an event, or a comparison of its lists with the known state found the change. */
  readonly source: "event" | "relist";
}

/**
 * A change of a sandbox. Each type occurs at most once per pod, in this order, even if a runtime that has just started lists the pod as
 * stopped and then as ready again. Exception: a pod that was `deleted` because one list lacked it, and that a later list has, starts
 * again with `created`.
 */
export interface PodEvent extends ObjectEvent {
  /** `started`: the sandbox is ready. `stopped`: it is not ready any more. */
  readonly type: "created" | "started" | "stopped" | "deleted";
  readonly kind: "pod";
  /** The pod after the change; for `deleted`, its last known state. */
  readonly pod: NodePod;
}

/**
 * A change of a container. Each type occurs at most once per container, in this order. Exception: a container that was `deleted` because
 * one list lacked it, and that a later list has, starts again with `created`.
 */
export type ContainerEvent = ContainerChangedEvent | ContainerStoppedEvent;

interface ContainerObjectEvent extends ObjectEvent {
  /** The pod of the container, with its name and namespace; undefined when the runtime did not report it. */
  readonly pod: NodePod | undefined;
}

/** The creation, start or removal of a container. */
export interface ContainerChangedEvent extends ContainerObjectEvent {
  /** What happened. */
  readonly type: "created" | "started" | "deleted";
  readonly kind: "container";
  /** The container after the change; for `deleted`, its last known state. */
  readonly container: NodeContainer;
}

/** The end of a container's main process. */
export interface ContainerStoppedEvent extends ContainerObjectEvent {
  readonly type: "stopped";
  readonly kind: "container";
  /** The container after the change. */
  readonly container: NodeContainer;
  /**
   * How the container ended; undefined when it was removed before its status could be read, or when the runtime did not report the
   * status within 5 s.
   */
  readonly exit: ContainerExit | undefined;
}

/** Changes arrive from now on: as events, or by polling where the runtime has no events. */
export interface ConnectedEvent {
  readonly type: "connected";
  /** How changes arrive. Polling notices them later. */
  readonly by: "events" | "polling";
}

/** No changes arrive for now. Changes in the meantime are reported after the next `connected`. */
export interface DisconnectedEvent {
  readonly type: "disconnected";
  /** The cause; undefined when the runtime ended its event stream without an error. */
  readonly error: CriError | undefined;
}

/** The complete state of the node, consistent with the events before it. Follows each `connected` and each `overflow`. */
export interface ResyncEvent {
  readonly type: "resync";
  /** Why the state is reported as a whole. */
  readonly reason: "start" | "reconnect" | "overflow";
  /** All sandboxes. */
  readonly pods: readonly NodePod[];
  /** All containers. */
  readonly containers: readonly NodeContainer[];
}

/** The loss of events that were not read fast enough. A `resync` follows. */
export interface OverflowEvent {
  readonly type: "overflow";
  /** The number of lost events. */
  readonly lost: number;
}

/** An event of the connection to the runtime. */
export type ConnectionEvent = ConnectedEvent | DisconnectedEvent | ResyncEvent | OverflowEvent;

/** An event of `cri.events`. Events with a `kind` are about a pod or a container. */
export type NodeEvent = PodEvent | ContainerEvent | ConnectionEvent;
