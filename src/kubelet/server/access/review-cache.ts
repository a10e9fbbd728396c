import { withDeadline } from "../../../core/index.js";
import { SingleFlight } from "../../../images/index.js";

/** What a {@link ReviewCache} does. */
export interface ReviewCacheOptions<T> {
  /** The limit of kept answers; the oldest one makes place for a new one. */
  readonly maxEntries: number;
  /** How long an answer is kept, in milliseconds. */
  readonly lifetimeMs: (value: T) => number;
  /** The deadline of one question, in milliseconds. */
  readonly timeoutMs: number;
  /** A clock that never goes back, in milliseconds. */
  readonly now: () => number;
}

interface Entry<T> {
  readonly value: T;
  readonly expiresAt: number;
}

/** Keeps the answers of an API server for a time, and asks each question once for all who wait for it. Failures are not kept. */
export class ReviewCache<T> {
  readonly #options: ReviewCacheOptions<T>;
  readonly #entries = new Map<string, Entry<T>>();
  readonly #flights = new SingleFlight<T>();

  constructor(options: ReviewCacheOptions<T>) {
    this.#options = options;
  }

  /** Returns the kept answer, or asks. Rejects as `ask` does, and when the signal fires. */
  async get(key: string, signal: AbortSignal, ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { now, lifetimeMs, timeoutMs } = this.#options;
    const kept = this.#entries.get(key);
    if (kept && now() < kept.expiresAt) return kept.value;
    return this.#flights.join(key, signal, async (shared) => {
      const value = await withDeadline({ signal: shared, timeoutMs }, ask);
      this.#keep(key, { value, expiresAt: now() + lifetimeMs(value) });
      return value;
    });
  }

  #keep(key: string, entry: Entry<T>): void {
    this.#entries.delete(key);
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined && this.#entries.size >= this.#options.maxEntries) this.#entries.delete(oldest);
    this.#entries.set(key, entry);
  }
}
