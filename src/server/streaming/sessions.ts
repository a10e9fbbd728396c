import type { CriError } from "../../core/index.js";

/** An open session. */
export interface ServedSession {
  /** Ends the session and its connection at once. */
  abort(reason: CriError): void;
}

/** The open sessions of a server. */
export class Sessions {
  readonly #all = new Set<ServedSession>();
  #waiting: (() => void)[] = [];

  get size(): number {
    return this.#all.size;
  }

  /** Starts a session and tracks it until it calls `onEnd`. */
  open(begin: (onEnd: () => void) => ServedSession): void {
    const state: { session?: ServedSession; isOver: boolean } = { isOver: false };
    state.session = begin(() => {
      state.isOver = true;
      if (state.session) this.#remove(state.session);
    });
    if (!state.isOver) this.#all.add(state.session);
  }

  /** Aborts all sessions. */
  abort(reason: CriError): void {
    for (const session of [...this.#all]) session.abort(reason);
  }

  /** Resolves when no session remains. */
  drained(): Promise<void> {
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
