/** How one reader waits for the next thing to read. */
export class WakeUp {
  #wake: (() => void) | undefined;

  /** Wakes the reader, if it waits. */
  readonly ring = (): void => this.#wake?.();

  /** Resolves with the next `ring`, or when the signal fires. One at a time. */
  wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        signal.removeEventListener("abort", wake);
        this.#wake = undefined;
        resolve();
      };
      this.#wake = wake;
      signal.addEventListener("abort", wake, { once: true });
    });
  }
}
