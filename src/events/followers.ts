import type { CriError } from "../core/index.js";
import type { Change } from "./changes.js";
import type { ConnectedEvent, DisconnectedEvent, OverflowEvent } from "./event-types.js";
import type { Follower, ResyncDue } from "./follower.js";

/** All who follow a node, and what they were told last of its connection. */
export class Followers {
  readonly #all = new Set<Follower>();
  #told: ConnectedEvent | DisconnectedEvent | undefined;

  /** Undefined before anything was told. */
  get told(): ConnectedEvent | DisconnectedEvent | undefined {
    return this.#told;
  }

  get size(): number {
    return this.#all.size;
  }

  add(follower: Follower): void {
    this.#all.add(follower);
  }

  /** Whether it was one of them. */
  remove(follower: Follower): boolean {
    return this.#all.delete(follower);
  }

  readonly changed = (change: Change): void => {
    for (const follower of [...this.#all]) follower.onChange(change);
  };

  tell(event: ConnectedEvent | DisconnectedEvent | OverflowEvent | ResyncDue): void {
    if (event.type === "connected" || event.type === "disconnected") this.#told = event;
    for (const follower of [...this.#all]) follower.onConnection(event);
  }

  /** Tells all of them that nothing more comes, and forgets them. */
  end(error: CriError): void {
    for (const follower of [...this.#all]) follower.onEnd(error);
    this.#all.clear();
  }
}
