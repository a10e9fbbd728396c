/** Signals that end this process without a word to it. At SIGINT and SIGTERM, Node itself gives the terminal back. */
const deadly = ["SIGHUP", "SIGQUIT"] as const;

const steps = new Set<() => void>();

/**
 * Has `undo` called when this process is about to end: at its exit, at SIGHUP and at SIGQUIT. Gives back what calls it
 * off. Of all that wait here, only one set of listeners is on `process`.
 */
export function beforeEnd(undo: () => void): () => void {
  if (steps.size === 0) listen();
  steps.add(undo);
  return () => {
    if (steps.delete(undo) && steps.size === 0) unlisten();
  };
}

function listen(): void {
  process.on("exit", undoAll);
  for (const signal of deadly) process.on(signal, onSignal);
}

function unlisten(): void {
  process.removeListener("exit", undoAll);
  for (const signal of deadly) process.removeListener(signal, onSignal);
}

function undoAll(): void {
  const all = [...steps];
  steps.clear();
  unlisten();
  for (const undo of all) undo();
}

function onSignal(signal: NodeJS.Signals): void {
  // Where the program listens, too, it may want to go on with its terminal. If it exits, that is heard of.
  if (process.listenerCount(signal) > 1) return;
  undoAll();
  // With nobody listening any more, the signal does what it would have done.
  process.kill(process.pid, signal);
}
