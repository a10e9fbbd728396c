import type { CriError } from "../../core/index.js";
import type { ServedSession } from "./session.js";

/** The sessions under way. */
export class Sessions {
  readonly #all = new Set<ServedSession>();
  #waiting: (() => void)[] = [];

  get size(): number {
    return this.#all.size;
  }

  /** Keeps a session until it says that it is over. */
  open(begin: (onOver: () => void) => ServedSession): void {
    const state: { session?: ServedSession; over: boolean } = { over: false };
    state.session = begin(() => {
      state.over = true;
      if (state.session) this.#remove(state.session);
    });
    if (!state.over) this.#all.add(state.session);
  }

  /** Ends all of them at once. */
  abort(why: CriError): void {
    for (const session of [...this.#all]) session.abort(why);
  }

  /** Resolves when there is none. */
  gone(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#all.size === 0) resolve();
      else this.#waiting.push(resolve);
    });
  }

  #remove(session: ServedSession): void {
    this.#all.delete(session);
    if (this.#all.size > 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
