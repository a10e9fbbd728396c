/** How often a second signal may come from the same Ctrl-C: npm forwards what the terminal sends to both. */
const sameSignalMs = 500;

/** Fires with the first signal. A second one ends the process at once. */
export function stopRequest(): AbortSignal {
  const controller = new AbortController();
  let requestedMs = 0;
  const onSignal = () => {
    if (controller.signal.aborted && performance.now() - requestedMs > sameSignalMs) process.exit(1);
    if (controller.signal.aborted) return;
    requestedMs = performance.now();
    controller.abort();
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  return controller.signal;
}
