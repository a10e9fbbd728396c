/** Tells that something may have changed, so that waiting need not ask all the time. A hint proves nothing. */
export interface Hints {
  /** Listens for hints about sandboxes and containers with these ids, from now on. Close it afterwards. */
  listen(ids: readonly string[]): Listening;
}

/** One waiting for hints. */
export interface Listening {
  /** Whether hints come at all; where they do not, asking has to be more frequent. */
  readonly live: boolean;
  /** Resolves with the next hint, also one that came since the last call, or after `ms`. Rejects when the signal fires. */
  next(ms: number, signal: AbortSignal): Promise<void>;
  close(): void;
}
