/** The longest delay a timer of Node can hold, in milliseconds (about 24.8 days). */
export const maxTimerMs = 2 ** 31 - 1;

/** Waits `ms` milliseconds. Rejects with the signal's reason, at once, when the signal fires before or meanwhile. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(
      () => {
        signal?.removeEventListener("abort", stop);
        resolve();
      },
      Math.min(ms, maxTimerMs),
    );
    signal?.addEventListener("abort", stop, { once: true });
  });
}
