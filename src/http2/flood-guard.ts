import { errorCode, Http2Error } from "./errors.js";

/** How many such frames a peer may send at once: more than it needs for a thousand calls that are canceled together. */
const burst = 10_000;
/** How many it may send per second after that: a hundredth of a CPU's time. */
const perSecond = 1_000;

/**
 * Limits frames that cost the peer nothing and carry nothing: SETTINGS, PING, PRIORITY, unknown frames, empty DATA, and requests that are
 * reset before their response.
 */
export class FloodGuard {
  #left = burst;
  #refilledAt = performance.now();

  /** Counts one frame. Throws {@link Http2Error} ENHANCE_YOUR_CALM if there are too many. */
  count(): void {
    if (--this.#left > 0) return;
    const now = performance.now();
    this.#left = Math.min(burst, Math.floor(((now - this.#refilledAt) / 1_000) * perSecond));
    this.#refilledAt = now;
    if (this.#left <= 0)
      throw new Http2Error(errorCode.enhanceYourCalm, "too many frames that carry nothing");
  }
}
