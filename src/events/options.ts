import { type BackoffOptions, backoff, invalidOption, maxTimerMs } from "../core/index.js";

/** How a connection watches its node: for `cri.events`, `cri.watchNode()` and all that waits. */
export interface EventsOptions {
  /**
   * How often everything is listed and compared with what the events told, in milliseconds: a safety net. After a new
   * stream it begins with one second, and doubles.
   * @default 60_000
   */
  readonly relistMs?: number | undefined;
  /**
   * The same where the runtime has no events (containerd 1.6): what comes and goes in between is not seen.
   * @default 1_000
   */
  readonly pollMs?: number | undefined;
  /** The pauses before a stream that ended is opened again. */
  readonly backoff?: BackoffOptions | undefined;
}

/** Complete {@link EventsOptions}. */
export interface ResolvedEventsOptions {
  readonly relistMs: number;
  readonly pollMs: number;
  readonly backoff: BackoffOptions;
}

/** Throws {@link CriError} `invalid_option`. */
export function resolveEventsOptions(options: EventsOptions = {}): ResolvedEventsOptions {
  const { relistMs = 60_000, pollMs = 1_000, backoff: pauses = {} } = options;
  for (const [name, ms] of Object.entries({ relistMs, pollMs }))
    if (!(ms > 0 && ms <= maxTimerMs)) throw invalidOption(name, ms, `must be from 1 to ${maxTimerMs}`);
  backoff(pauses);
  return Object.freeze({ relistMs, pollMs, backoff: pauses });
}
