/**
 * The same promise, which rejects when the signal fires before it has settled: at once with the signal's reason, or
 * as `stop` does it. The work itself is not undone.
 */
export async function unlessAborted<T>(
  work: Promise<T>,
  signal: AbortSignal,
  stop: (reject: (reason: unknown) => void) => void = (reject) => reject(signal.reason),
): Promise<T> {
  let abort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => stop(reject);
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
