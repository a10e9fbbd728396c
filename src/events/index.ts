export type { EventReadOptions } from "./event-reader.js";
export type {
  ConnectedEvent,
  ConnectionEvent,
  ContainerChangedEvent,
  ContainerEvent,
  ContainerStoppedEvent,
  DisconnectedEvent,
  NodeEvent,
  OverflowEvent,
  PodEvent,
  ResyncEvent,
} from "./event-types.js";
export { type EventStream, Events } from "./events.js";
export { EventFeed } from "./feed.js";
export type { EventFilter } from "./filter.js";
export { EventHints, type HintListening } from "./hints.js";
export type { NodeChange } from "./node-changes.js";
export { type NodeConnection, NodeWatch } from "./node-watch.js";
export {
  type ContainerExit,
  containerExit,
  type NodeContainer,
  type NodeObject,
  type NodePod,
} from "./objects.js";
export type { EventsOptions } from "./options.js";
export type { NodeWaitOptions } from "./wait-options.js";
