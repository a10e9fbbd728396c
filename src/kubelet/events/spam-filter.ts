import { RecentMap } from "./recent-map.js";

/** How many events of one object pass at once, and the time after which one more may. */
const burst = 25;
const refillMs = 300_000;
const maxObjects = 4096;

interface Bucket {
  readonly tokens: number;
  readonly atMs: number;
}

/** Limits the events of each object by a token bucket: 25 at once, and one more each 5 min. Source: client-go, tools/record. */
export class SpamFilter {
  readonly #buckets = new RecentMap<Bucket>(maxObjects);

  /** Takes a token of an object, and reports whether there was one. */
  take(object: string, nowMs: number): boolean {
    const { tokens, atMs } = this.#buckets.get(object) ?? { tokens: burst, atMs: nowMs };
    // A clock that was set back adds nothing.
    const available = Math.min(burst, tokens + Math.max(0, nowMs - atMs) / refillMs);
    const isGranted = available >= 1;
    this.#buckets.set(object, { tokens: isGranted ? available - 1 : available, atMs: nowMs });
    return isGranted;
  }
}
