/** A map with the entries that were set last: beyond its size, the one that has not been set for longest is forgotten. */
export class RecentMap<T> {
  readonly #maxSize: number;
  readonly #entries = new Map<string, T>();

  constructor(maxSize: number) {
    this.#maxSize = maxSize;
  }

  get(key: string): T | undefined {
    return this.#entries.get(key);
  }

  set(key: string, value: T): void {
    // A map keeps the order in which its keys were added.
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#maxSize) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      return;
    }
  }
}
