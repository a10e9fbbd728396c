import type { Duplex } from "node:stream";

/** What a {@link ConnectionWatch} does. */
export interface WatchActions {
  /** Nothing moved for as long as was set. */
  onSilence(): void;
  /** Sends something that needs no answer. */
  probe(): void;
}

/** How often a connection that is not read is probed. */
const probeMs = 10_000;

/**
 * Watches a session's connection. It tells when nothing has moved for a while. And while reading is stalled, which
 * hides the client's end from Node, it has something written now and then, which fails once the client is gone.
 */
export class ConnectionWatch {
  readonly #socket: Duplex;
  readonly #onSilence: () => void;
  readonly #probe: NodeJS.Timeout;
  #silence: NodeJS.Timeout;
  #stopped = false;
  #expecting = false;

  constructor(socket: Duplex, idleTimeoutMs: number, { onSilence, probe }: WatchActions) {
    this.#socket = socket;
    this.#onSilence = onSilence;
    this.#silence = setTimeout(onSilence, idleTimeoutMs).unref();
    this.#probe = setInterval(() => socket.isPaused() && probe(), probeMs).unref();
    socket.on("data", this.touch);
  }

  /** Something moved. */
  readonly touch = (): void => {
    // A timer that was cleared would start again.
    if (!this.#stopped && !this.#expecting) this.#silence.refresh();
  };

  /** After `ms`, silence is told, whatever moves until then: nothing that matters is to come. */
  expect(ms: number): void {
    if (this.#stopped) return;
    this.#expecting = true;
    clearTimeout(this.#silence);
    this.#silence = setTimeout(this.#onSilence, ms).unref();
  }

  /** Ends the watch. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#silence);
    clearInterval(this.#probe);
    this.#socket.removeListener("data", this.touch);
  }
}
