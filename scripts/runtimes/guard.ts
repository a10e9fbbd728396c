import { takeDown } from "./takedown.js";

const guarded = new Set<string>();
const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Takes a run down if this process ends without doing so: at its exit, at an uncaught error, and at SIGINT, SIGTERM
 * or SIGHUP. Gives the function that lifts the guard.
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
      // The process is ending: there is nobody left to throw to.
      process.stderr.write(`cri-sdk runtimes: ${error instanceof Error ? error.message : String(error)}\n`);
    }
  }
}

/**
 * A signal that someone else listens to is theirs, and the exit handler stays. Otherwise ours is what keeps the
 * process from ending, so it is sent again without us.
 */
function onSignal(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return;
  takeAllDown();
  removeHandlers();
  process.kill(process.pid, signal);
}
