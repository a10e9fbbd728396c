import type { Change, Step } from "./changes.js";
import type { NodeObject } from "./objects.js";

const steps = { created: 0, unknown: 0, running: 1, ready: 1, exited: 2, notReady: 2 } as const;

/**
 * How far each pod and container has come that one reader was told of. Mostly that is what its state says. A daemon that has
 * just started may tell of an earlier state, or of none; only what went back so is kept here.
 */
export class Reached {
  readonly #ahead = new Map<string, Step>();

  /** How far the object of a change has come before it. Counts the change in. */
  before({ before, after }: Change): Step {
    const id = after?.id ?? before?.id ?? "";
    const reached = this.#ahead.get(id) ?? stepOf(before);
    if (after && stepOf(after) < reached) this.#ahead.set(id, reached);
    else this.#ahead.delete(id);
    return reached;
  }

  /** Begins anew, for a reader that lost what it was told. */
  clear(): void {
    this.#ahead.clear();
  }
}

function stepOf(object: NodeObject | undefined): Step {
  return object ? steps[object.state] : -1;
}
