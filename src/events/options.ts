import { type BackoffOptions, backoff, backoffTable, OptionTable, option } from "../core/index.js";

/** How a connection observes its node, for `cri.events`, `cri.watchNode()` and every wait. */
export interface EventsOptions {
  /**
   * The interval between two relists, in milliseconds: a safety net against lost events. After a new event stream the interval
   * starts at one second and doubles up to this value.
   * @default 60_000
   */
  readonly relistMs?: number | undefined;
  /**
   * The interval between two lists of a runtime without events (containerd 1.6), in milliseconds. An object that is created and
   * removed between two lists is not reported.
   * @default 1_000
   */
  readonly pollMs?: number | undefined;
  /** The back-off before an event stream that ended is opened again. */
  readonly backoff?: BackoffOptions | undefined;
}

/** The options of {@link EventsOptions}. */
export const eventsTable = new OptionTable<EventsOptions>({
  relistMs: option.timerMs,
  pollMs: option.timerMs,
  backoff: option.nested(backoffTable),
});

/** {@link EventsOptions} with all defaults. */
export interface ResolvedEventsOptions {
  readonly relistMs: number;
  readonly pollMs: number;
  readonly backoff: BackoffOptions;
}

/** Applies the defaults of options that {@link eventsTable} has checked. Throws {@link CriError} `invalid_option`. */
export function resolveEventsOptions(options: EventsOptions = {}): ResolvedEventsOptions {
  const { relistMs = 60_000, pollMs = 1_000, backoff: pauses = {} } = options;
  backoff(pauses);
  return Object.freeze({ relistMs, pollMs, backoff: pauses });
}
