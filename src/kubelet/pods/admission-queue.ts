import { atEndOfTurn } from "../../core/index.js";
import type { DefaultedPod } from "../../kubernetes/index.js";

interface Turn {
  readonly isRunning: boolean;
  readonly createdAtMs: number;
  readonly run: () => Promise<void>;
}

/**
 * Admits Pods one after the other, so that two of them cannot get the same resources: running ones first, then by age, then in
 * order of arrival. Static pods have no creation timestamp, and come before those of an API server.
 */
export class AdmissionQueue {
  readonly #waiting: Turn[] = [];
  #isWorking = false;

  /** Queues `work` for a Pod: it is called when no other Pod is being admitted. Settles as `work` does. */
  turn<T>(pod: DefaultedPod, isRunning: boolean, work: () => Promise<T>): Promise<T> {
    const created = pod.metadata.creationTimestamp;
    const createdAtMs = created === undefined ? 0 : new Date(created).getTime() || 0;
    return new Promise<T>((resolve, reject) => {
      const run = () => work().then(resolve, reject);
      this.#waiting.push({ isRunning, createdAtMs, run });
      if (this.#isWorking) return;
      this.#isWorking = true;
      // All Pods of one list must be queued before the first of them is admitted.
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
