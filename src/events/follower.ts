import type { CriError } from "../core/index.js";
import type { Change } from "./changes.js";
import type { ConnectedEvent, DisconnectedEvent, OverflowEvent, ResyncEvent } from "./event-types.js";

/** A resync without its lists: those of the moment when it is read. */
export type ResyncDue = Pick<ResyncEvent, "type" | "reason">;

/** Who follows a node. Must not throw. */
export interface Follower {
  onChange(change: Change): void;
  onConnection(event: ConnectedEvent | DisconnectedEvent | OverflowEvent | ResyncDue): void;
  /** Nothing more comes. */
  onEnd(error: CriError): void;
}
