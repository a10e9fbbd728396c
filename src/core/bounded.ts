import type { CallOptions } from "./call-options.js";
import { Lifeline } from "./lifeline.js";
import { checkTimeout } from "./timeout.js";

/**
 * Runs work of several steps under one signal, which fires when the caller's does or when the deadline passes. Its reason is
 * the typed error, so that each step fails with it. Without a `timeoutMs`, or with 0, there is no deadline; rejects with
 * `invalid_option` for one that is less.
 */
export async function bounded<T>(
  { signal, timeoutMs }: Pick<CallOptions, "signal" | "timeoutMs">,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const lifeline = new Lifeline(checkTimeout(timeoutMs), signal);
  const stop = new AbortController();
  if (lifeline.stopped) throw lifeline.stopped;
  lifeline.onStop({ cancel: (error) => stop.abort(error) });
  try {
    return await work(stop.signal);
  } finally {
    lifeline.end();
  }
}
