import { invalidOption } from "./errors.js";

/** The delays between attempts: exponential back-off with jitter. */
export interface BackoffOptions {
  /**
   * The first delay, in milliseconds.
   * @default 100
   */
  readonly firstMs?: number | undefined;
  /**
   * The longest delay, in milliseconds, before jitter.
   * @default 3_000
   */
  readonly maxMs?: number | undefined;
  /**
   * The factor from each delay to the next.
   * @default 1.6
   */
  readonly factor?: number | undefined;
  /**
   * The share of a delay that is random, from 0 (none) to 1: 0.2 gives 80 % to 120 % of it.
   * @default 0.2
   */
  readonly jitter?: number | undefined;
}

/** One step of a back-off, as an immutable value. The defaults are those of gRPC and of Kubernetes' own CRI client. */
export interface Backoff {
  /** Returns this step's delay in milliseconds; `random` is a number from 0 to 1, by default from `Math.random`. */
  delayMs(random?: number): number;
  /** Returns the next step. */
  next(): Backoff;
}

/** Returns the first step of a back-off. Throws {@link CriError} `invalid_option` for values out of range. */
export function backoff(options: BackoffOptions = {}): Backoff {
  const { firstMs = 100, maxMs = 3_000, factor = 1.6, jitter = 0.2 } = options;
  if (!(firstMs >= 0)) throw invalidOption("firstMs", firstMs, "must be 0 or more");
  if (!(maxMs >= firstMs)) throw invalidOption("maxMs", maxMs, "must be firstMs or more");
  if (!(factor >= 1)) throw invalidOption("factor", factor, "must be 1 or more");
  if (!(jitter >= 0 && jitter <= 1)) throw invalidOption("jitter", jitter, "must be from 0 to 1");
  const step = (ms: number): Backoff => ({
    delayMs: (random = Math.random()) => ms * (1 + jitter * (2 * random - 1)),
    next: () => step(Math.min(ms * factor, maxMs)),
  });
  return step(firstMs);
}
