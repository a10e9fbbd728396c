/** Called for each event. */
type Notify = () => void;

const subscribers = new Set<Notify>();
let changed: Notify = () => undefined;

/** Adds a subscriber to events; returns a function that removes it. */
export function subscribe(notify: Notify): () => void {
  subscribers.add(notify);
  changed();
  return () => subscribers.delete(notify);
}

/** Yields the event once per broadcast, until the signal aborts. */
export async function* events<E>(event: E, signal: AbortSignal): AsyncGenerator<E> {
  let pending = 0;
  let wake: Notify = () => undefined;
  const unsubscribe = subscribe(() => {
    pending++;
    wake();
  });
  signal.addEventListener("abort", () => wake(), { once: true });
  try {
    while (!signal.aborted) {
      for (; pending > 0; pending--) yield event;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  } finally {
    unsubscribe();
  }
}

export function broadcast(count: number): void {
  for (let sent = 0; sent < count; sent++) for (const notify of subscribers) notify();
}

export async function waitForSubscribers(count: number): Promise<void> {
  while (subscribers.size !== count)
    await new Promise<void>((resolve) => {
      changed = resolve;
    });
}
