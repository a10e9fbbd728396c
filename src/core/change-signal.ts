import { maxTimerMs, onAbort } from "./cancellation.js";

/** How long a {@link ChangeSignal} waits. */
export interface ChangeWaitOptions {
  readonly signal?: AbortSignal | undefined;
  /**
   * The longest wait in milliseconds.
   * @default no limit
   */
  readonly timeoutMs?: number | undefined;
}

/**
 * Notifies one waiting reader that something may have changed. Level-triggered: a notification between two waits ends the next one
 * at once, and several of them count as one.
 */
export class ChangeSignal {
  #changed = false;
  #wake: (() => void) | undefined;

  /** Wakes the reader, or the next wait if none is pending. */
  readonly notify = (): void => {
    this.#changed = true;
    this.#wake?.();
  };

  /**
   * Resolves with the next notification since the last wait, or after `timeoutMs`. Rejects with the signal's reason when the signal
   * fires before or during the wait. One wait at a time.
   */
  async wait({ signal, timeoutMs }: ChangeWaitOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    if (!this.#changed)
      await new Promise<void>((resolve) => {
        const timer =
          timeoutMs === undefined ? undefined : setTimeout(resolve, Math.min(timeoutMs, maxTimerMs));
        const removeCallback = onAbort(signal, resolve);
        this.#wake = () => {
          clearTimeout(timer);
          removeCallback();
          resolve();
        };
      }).finally(() => {
        this.#wake?.();
        this.#wake = undefined;
      });
    signal?.throwIfAborted();
    this.#changed = false;
  }
}
