export { ChangeNotifier, type ChangeSubscription } from "./change-notifier.js";
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
export { type EventStream, type Events, NodeObserver } from "./events.js";
export { EventFeed } from "./feed.js";
export type { NodeChange, NodeConnection, NodeWaitOptions, NodeWatch } from "./node-watch.js";
export {
  type ContainerExit,
  containerExit,
  type NodeContainer,
  type NodeObject,
  type NodePod,
  nodeContainer,
  nodePod,
} from "./objects.js";
export { type EventsOptions, eventsTable } from "./options.js";
export type { EventFilter, EventReadOptions } from "./readers.js";
