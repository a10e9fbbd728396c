import { stoppedError } from "../core/index.js";
import type { NodeContainer, NodeObject, NodePod } from "./objects.js";
import { WakeUp } from "./wake-up.js";

interface ChangeOf<T> {
  /** `add`: it is new to this reader. `update`: it is another object now. `delete`: it is gone. */
  readonly type: "add" | "update" | "delete";
  readonly id: string;
  /** The object now; for `delete`, as it was last known. */
  readonly object: T;
  /** What this reader was given of it before; undefined for `add`. */
  readonly previous: T | undefined;
}

/** A change of what there is on the node. */
export type NodeChange =
  | ({ readonly kind: "pod" } & ChangeOf<NodePod>)
  | ({ readonly kind: "container" } & ChangeOf<NodeContainer>);

/**
 * Changes for one reader. What changes again before it was read is told once, so that what waits is never more than there
 * are pods and containers.
 */
export class ChangeReader {
  /** What this reader knows of what has changed since; undefined where it knows nothing. */
  readonly #known = new Map<string, NodeObject | undefined>();
  readonly #now: (id: string) => NodeObject | undefined;
  #end: Error | undefined;
  readonly #news = new WakeUp();

  constructor(now: (id: string) => NodeObject | undefined) {
    this.#now = now;
  }

  changed(id: string, before: NodeObject | undefined): void {
    if (!this.#known.has(id)) this.#known.set(id, before);
    // Came and went unread.
    if (!this.#known.get(id) && !this.#now(id)) this.#known.delete(id);
    this.#news.ring();
  }

  end(error: Error): void {
    this.#end = error;
    this.#news.ring();
  }

  async next(signal: AbortSignal): Promise<NodeChange> {
    for (;;) {
      if (signal.aborted) throw stoppedError(signal);
      for (const [id, previous] of this.#known) {
        this.#known.delete(id);
        const after = this.#now(id);
        const change = changeOf(previous, after);
        if (change) return change;
      }
      if (this.#end) throw this.#end;
      await this.#news.wait(signal);
    }
  }
}

function changeOf(previous: NodeObject | undefined, after: NodeObject | undefined): NodeChange | undefined {
  const object = after ?? previous;
  if (!object || previous === after) return undefined;
  const type = !after ? "delete" : previous ? "update" : "add";
  const { id, kind } = object;
  // An id is of one kind for ever, so the two objects are of one kind.
  return Object.freeze({ type, kind, id, object, previous } as NodeChange);
}
