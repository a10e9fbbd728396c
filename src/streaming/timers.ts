/** The timers of one thing with a life, which end with it. */
export class Timers {
  readonly #timers = new Set<NodeJS.Timeout>();

  /** Acts once, after `ms`. */
  after(ms: number, act: () => void): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, ms);
    this.#timers.add(timer);
    return timer;
  }

  /** Acts every `ms`; does not keep the process alive. 0 never. */
  every(ms: number, act: () => void): void {
    if (ms > 0) this.#timers.add(setInterval(act, ms).unref());
  }

  clear(timer: NodeJS.Timeout | undefined): void {
    if (timer === undefined) return;
    clearTimeout(timer);
    this.#timers.delete(timer);
  }

  clearAll(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }
}
