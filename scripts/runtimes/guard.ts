import { takeDown } from "./takedown.js";

const guarded = new Set<string>();
const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Takes a run down if this process ends without doing so: at its exit, at an uncaught error, and at SIGINT, SIGTERM
 * or SIGHUP. Returns the function that removes the guard.
 */
export function guardRun(runDir: string): () => void {
  if (guarded.size === 0) {
    process.on("exit", takeAllDown);
    for (const signal of signals) process.on(signal, onSignal);
  }
  guarded.add(runDir);
  return () => {
    guarded.delete(runDir);
    if (guarded.size === 0) removeHandlers();
  };
}

function removeHandlers(): void {
  process.off("exit", takeAllDown);
  for (const signal of signals) process.off(signal, onSignal);
}

function takeAllDown(): void {
  for (const runDir of guarded) {
    guarded.delete(runDir);
    try {
      takeDown(runDir);
    } catch (error) {
      // No caller remains that could catch an error: the process is exiting.
      process.stderr.write(`cri-sdk runtimes: ${error instanceof Error ? error.message : String(error)}\n`);
    }
  }
}

/**
 * Leaves a signal with other listeners to them; the exit handler stays. Without others, this listener alone prevents
 * the default action, so it is removed and the signal is sent again.
 */
function onSignal(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return;
  takeAllDown();
  removeHandlers();
  process.kill(process.pid, signal);
}
