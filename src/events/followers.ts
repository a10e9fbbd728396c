import type { CriError } from "../core/index.js";
import type { Change } from "./changes.js";
import type { ConnectedEvent, DisconnectedEvent, OverflowEvent, ResyncEvent } from "./event-types.js";

/** A resync without its lists: the reader takes those of the moment at which it is read. */
export type PendingResync = Pick<ResyncEvent, "type" | "reason">;

/** Callbacks of a follower of the node's state. They must not throw. */
export interface Follower {
  onChange(change: Change): void;
  onConnection(event: ConnectedEvent | DisconnectedEvent | OverflowEvent | PendingResync): void;
  /** Called at most once, last. */
  onEnd(error: CriError): void;
}

/** The followers of a node, and the last connection event that they received. */
export class Followers {
  readonly #all = new Set<Follower>();
  #connection: ConnectedEvent | DisconnectedEvent | undefined;

  /** The last `connected` or `disconnected` event; undefined before the first one. */
  get connection(): ConnectedEvent | DisconnectedEvent | undefined {
    return this.#connection;
  }

  get size(): number {
    return this.#all.size;
  }

  add(follower: Follower): void {
    this.#all.add(follower);
  }

  /** Removes a follower. Returns whether it was one. */
  remove(follower: Follower): boolean {
    return this.#all.delete(follower);
  }

  readonly notifyChange = (change: Change): void => {
    for (const follower of [...this.#all]) follower.onChange(change);
  };

  notifyConnection(event: ConnectedEvent | DisconnectedEvent | OverflowEvent | PendingResync): void {
    if (event.type === "connected" || event.type === "disconnected") this.#connection = event;
    for (const follower of [...this.#all]) follower.onConnection(event);
  }

  /** Calls `onEnd` of every follower, and removes all. */
  end(error: CriError): void {
    for (const follower of [...this.#all]) follower.onEnd(error);
    this.#all.clear();
  }
}
