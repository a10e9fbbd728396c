// Deadlines of calls. Nearly all calls have one of a few timeouts, and end long before it, so a timer for each would cost more than
// the rest of its deadline: the deadlines of one timeout share a timer.

/** Something that ends when its deadline passes. */
export interface WithDeadline {
  /** When it passes, on the clock of {@link monotonicMs}. */
  readonly deadlineAt: number;
  /** The neighbours in the list of its timeout. */
  nextDeadline: WithDeadline | undefined;
  previousDeadline: WithDeadline | undefined;
  /** Called once, when the deadline has passed. */
  onDeadline(): void;
}

/** The lists by their timeouts. One that becomes empty stays until its timer fires: the next call mostly has the same timeout. */
const lists = new Map<number, DeadlineList>();
/** Above this number, empty lists are removed at once. */
const maxIdleLists = 32;
/** Not those that a test of a user may put in their place: a shared timer would be lost when they are removed. */
const { setTimeout, clearTimeout, setImmediate } = globalThis;

/** The clock of deadlines, `performance.now()`. A test of a user that replaces it does not change it, as it does not change their timers. */
export const monotonicMs: () => number = performance.now.bind(performance);

/** Calls back at the end of this turn of the event loop, also in a test that has replaced `setImmediate`. */
export function atEndOfTurn(callback: () => void): void {
  setImmediate(callback);
}

/** Returns the list of deadlines with a timeout. */
export function deadlineList(timeoutMs: number): DeadlineList {
  let list = lists.get(timeoutMs);
  if (list === undefined) {
    list = new DeadlineList(timeoutMs);
    lists.set(timeoutMs, list);
  }
  return list;
}

/** Deadlines with the same timeout: in the order in which they were added, they pass. */
export class DeadlineList {
  readonly #timeoutMs: number;
  #first: WithDeadline | undefined;
  #last: WithDeadline | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** Adds a deadline that begins now. It keeps the process alive. */
  add(item: WithDeadline): void {
    const last = this.#last;
    item.previousDeadline = last;
    if (last === undefined) this.#first = item;
    else last.nextDeadline = item;
    this.#last = item;
    if (this.#timer === undefined) this.#startTimer(this.#timeoutMs);
    else if (last === undefined) this.#timer.ref();
  }

  /** Removes a deadline that was added and has not passed. */
  remove(item: WithDeadline): void {
    const { previousDeadline: previous, nextDeadline: next } = item;
    if (previous === undefined) this.#first = next;
    else previous.nextDeadline = next;
    if (next === undefined) this.#last = previous;
    else next.previousDeadline = previous;
    // Otherwise, each removed deadline would keep the next one in memory.
    item.previousDeadline = undefined;
    item.nextDeadline = undefined;
    if (this.#first !== undefined) return;
    if (lists.size > maxIdleLists) this.#close();
    else this.#timer?.unref();
  }

  #startTimer(delayMs: number): void {
    // After the event loop was blocked, timers run before I/O: a response that has arrived by now still counts.
    this.#timer = setTimeout(() => setImmediate((firedAt) => this.#expire(firedAt), monotonicMs()), delayMs);
  }

  #expire(firedAt: number): void {
    try {
      for (let first = this.#first; first !== undefined && first.deadlineAt <= firedAt; first = this.#first) {
        this.remove(first);
        first.onDeadline();
      }
    } finally {
      const first = this.#first;
      if (first === undefined) this.#close();
      // Since the timer has fired, I/O and callbacks may have taken long.
      else this.#startTimer(Math.max(1, first.deadlineAt - monotonicMs()));
    }
  }

  #close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (lists.get(this.#timeoutMs) === this) lists.delete(this.#timeoutMs);
  }
}
