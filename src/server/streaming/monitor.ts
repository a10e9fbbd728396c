import type { Duplex } from "node:stream";

/** Callbacks of a {@link ConnectionMonitor}. */
export interface MonitorCallbacks {
  /** No byte was transferred for the idle timeout. */
  onIdle(): void;
  /** Sends a frame that needs no response. */
  probe(): void;
}

/** The interval of probes on a paused connection. */
const probeMs = 10_000;

/**
 * Monitors a session's connection: reports when it is idle, and probes it while reading is paused. Node does not notice the end of a
 * paused connection, but a write to it fails once the client has disconnected.
 */
export class ConnectionMonitor {
  readonly #socket: Duplex;
  readonly #onIdle: () => void;
  readonly #probeTimer: NodeJS.Timeout;
  #idleTimer: NodeJS.Timeout;
  #isStopped = false;
  #isClosing = false;

  constructor(socket: Duplex, idleTimeoutMs: number, { onIdle, probe }: MonitorCallbacks) {
    this.#socket = socket;
    this.#onIdle = onIdle;
    this.#idleTimer = setTimeout(onIdle, idleTimeoutMs).unref();
    this.#probeTimer = setInterval(() => socket.isPaused() && probe(), probeMs).unref();
    socket.on("data", this.touch);
  }

  /** Restarts the idle timeout. */
  readonly touch = (): void => {
    // refresh() would restart a cleared timer.
    if (!this.#isStopped && !this.#isClosing) this.#idleTimer.refresh();
  };

  /** Reports idle after `ms`, whatever is transferred until then: the session has ended. */
  closeAfter(ms: number): void {
    if (this.#isStopped) return;
    this.#isClosing = true;
    clearTimeout(this.#idleTimer);
    this.#idleTimer = setTimeout(this.#onIdle, ms).unref();
  }

  /** Stops monitoring. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#idleTimer);
    clearInterval(this.#probeTimer);
    this.#socket.removeListener("data", this.touch);
  }
}
