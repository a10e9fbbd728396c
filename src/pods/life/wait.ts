import { backoff, bounded } from "../../core/index.js";
import type { Hints } from "./hints.js";

/** How waiting ends besides by what is waited for. */
export interface WaitOptions {
  /** Ends the waiting: reason `aborted_by_caller`, or `deadline` for `AbortSignal.timeout()`. */
  readonly signal?: AbortSignal | undefined;
  /**
   * How long to wait, in milliseconds; then it rejects with `deadline`. 0 for no limit.
   * @default 0
   */
  readonly timeoutMs?: number | undefined;
}

/** With events, the pause between two looks is only a safety net. */
const safetyNetMs = 2_000;

/**
 * Looks until there is an answer: at once, then whenever a hint comes. Where no hints come the pauses between two looks grow
 * from 20 ms to half a second.
 */
export function waitUntil<T>(
  hints: Hints,
  ids: readonly string[],
  look: (signal: AbortSignal) => Promise<T | undefined>,
  options: WaitOptions = {},
): Promise<T> {
  return bounded(options, async (signal) => {
    // Listening begins before the first look: what happens between the two is not missed.
    const listening = hints.listen(ids);
    try {
      let pause = backoff({ firstMs: 20, maxMs: 500, factor: 1.5 });
      for (;;) {
        const found = await look(signal);
        if (found !== undefined) return found;
        await listening.next(listening.live ? safetyNetMs : pause.delayMs(), signal);
        pause = pause.next();
      }
    } finally {
      listening.close();
    }
  });
}
