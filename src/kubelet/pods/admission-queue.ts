import { atEndOfTurn } from "../../core/index.js";
import type { DefaultedPod } from "../../kubernetes/index.js";

interface Turn {
  readonly isRunning: boolean;
  readonly createdAtMs: number;
  readonly run: () => Promise<void>;
}

/**
 * Admits Pods one after the other, so that two of them cannot get the same resources: those that run already first, then the oldest; of
 * equal ones, the first that came. Static Pods have no time of creation, and come before those of an API server.
 */
export class AdmissionQueue {
  readonly #waiting: Turn[] = [];
  #isWorking = false;

  /** Calls `work` when it is the Pod's turn; the next turn begins when it has settled. Settles as `work` does. */
  turn<T>(pod: DefaultedPod, isRunning: boolean, work: () => Promise<T>): Promise<T> {
    const created = pod.metadata.creationTimestamp;
    const createdAtMs = created === undefined ? 0 : new Date(created).getTime() || 0;
    return new Promise<T>((resolve, reject) => {
      const run = () => work().then(resolve, reject);
      this.#waiting.push({ isRunning, createdAtMs, run });
      if (this.#isWorking) return;
      this.#isWorking = true;
      // All Pods of one list are to be here before the first of them gets its turn.
      atEndOfTurn(() => void this.#work());
    });
  }

  async #work(): Promise<void> {
    for (let next = this.#takeFirst(); next !== undefined; next = this.#takeFirst()) await next.run();
    this.#isWorking = false;
  }

  #takeFirst(): Turn | undefined {
    let first = 0;
    for (const [index, turn] of this.#waiting.entries())
      if (comesBefore(turn, this.#waiting[first] ?? turn)) first = index;
    return this.#waiting.splice(first, 1)[0];
  }
}

function comesBefore(one: Turn, other: Turn): boolean {
  if (one.isRunning !== other.isRunning) return one.isRunning;
  return one.createdAtMs < other.createdAtMs;
}
