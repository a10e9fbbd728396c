/** The callbacks of those who wait for changes of pods, by the uid of the pod. */
export class PodSubscribers {
  readonly #callbacks = new Map<string, Set<() => void>>();

  /** The number of pods with subscribers. */
  get size(): number {
    return this.#callbacks.size;
  }

  /** Adds a callback. Two subscriptions with one function are two subscriptions. Returns a function that removes it. */
  add(podUid: string, notify: () => void): () => void {
    const callbacks = this.#callbacks.get(podUid) ?? new Set();
    this.#callbacks.set(podUid, callbacks);
    const callback = () => notify();
    callbacks.add(callback);
    return () => {
      callbacks.delete(callback);
      if (callbacks.size === 0 && this.#callbacks.get(podUid) === callbacks) this.#callbacks.delete(podUid);
    };
  }

  /** Notifies the subscribers of one pod. */
  notify(podUid: string): void {
    for (const callback of [...(this.#callbacks.get(podUid) ?? [])]) callback();
  }

  /** Notifies all subscribers. */
  notifyAll(): void {
    for (const podUid of [...this.#callbacks.keys()]) this.notify(podUid);
  }
}
