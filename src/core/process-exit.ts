const callbacks = new Set<() => void>();

/**
 * Calls back, synchronously, when this process exits (`process.on("exit")`). Returns a function that removes the callback. All callers
 * share one listener, since Node warns about many.
 */
export function onProcessExit(callback: () => void): () => void {
  if (callbacks.size === 0) process.on("exit", runAll);
  callbacks.add(callback);
  return () => {
    if (callbacks.delete(callback) && callbacks.size === 0) process.removeListener("exit", runAll);
  };
}

function runAll(): void {
  for (const callback of [...callbacks]) callback();
}
