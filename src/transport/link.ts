import { type Backoff, type CriError, isCriError, sleep } from "../core/index.js";
import { Connection, clientClosed, dial } from "./connection.js";
import type { ResolvedTransportOptions } from "./options.js";

type LinkState =
  | { readonly at: "idle" }
  /** A dial is under way; every call that needs a connection waits for the same one. */
  | { readonly at: "dialing"; readonly connection: Promise<Connection> }
  | { readonly at: "open"; readonly connection: Connection }
  /** The last dial failed; the next one waits until its back-off is over. */
  | { readonly at: "resting"; readonly untilMs: number; readonly next: Backoff }
  | { readonly at: "closed" };

/**
 * The one connection of a transport: opened on first use, opened anew after it was lost, with a back-off between
 * attempts that fail. Calls never queue behind each other here, only behind a dial.
 */
export class Link {
  readonly #options: ResolvedTransportOptions;
  readonly #stop = new AbortController();
  readonly #connections = new Set<Connection>();
  #state: LinkState = { at: "idle" };
  #lastFailure: CriError | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: ResolvedTransportOptions) {
    this.#options = options;
  }

  /** The connection, where a usable one is open. */
  get current(): Connection | undefined {
    return this.#state.at === "open" && this.#state.connection.usable ? this.#state.connection : undefined;
  }

  /** Why the latest dial failed; undefined since the latest that did not. */
  get lastFailure(): CriError | undefined {
    return this.#lastFailure;
  }

  /** The connection, dialed if need be. Rejects with the dial's error, or `client_closed`. */
  acquire(): Promise<Connection> {
    const state = this.#state;
    switch (state.at) {
      case "closed":
        return Promise.reject(this.#closedError());
      case "dialing":
        return state.connection;
      case "open":
        if (state.connection.usable) return Promise.resolve(state.connection);
        return this.#dial(0, this.#options.backoff);
      case "resting":
        return this.#dial(Math.max(0, state.untilMs - performance.now()), state.next);
      case "idle":
        return this.#dial(0, this.#options.backoff);
    }
  }

  /** Ends the connection, the dial and every call; resolves when no socket is left. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const dialing = this.#state.at === "dialing" ? this.#state.connection : undefined;
    this.#state = { at: "closed" };
    this.#stop.abort(this.#closedError());
    await Promise.all([...this.#connections].map((connection) => connection.close()));
    await dialing?.catch(() => undefined);
  }

  #dial(delayMs: number, rest: Backoff): Promise<Connection> {
    const connection = this.#open(delayMs, rest);
    this.#state = { at: "dialing", connection };
    return connection;
  }

  async #open(delayMs: number, rest: Backoff): Promise<Connection> {
    const { endpoint, connectTimeoutMs, tls } = this.#options;
    const { signal } = this.#stop;
    try {
      if (delayMs > 0) await sleep(delayMs, signal);
      const dialed = await dial({ endpoint, connectTimeoutMs, tls, signal });
      // Closed between the greeting and this line: the dial did not hear of it any more.
      const { session } = dialed;
      if (signal.aborted) {
        session.destroy();
        dialed.socket.destroy();
        throw signal.reason;
      }
      const connection: Connection = new Connection(dialed, endpoint, () => this.#drop(connection));
      if (!session.destroyed) {
        this.#connections.add(connection);
        session.once("close", () => this.#connections.delete(connection));
      }
      this.#state = { at: "open", connection };
      this.#lastFailure = undefined;
      return connection;
    } catch (error) {
      if (!signal.aborted) {
        this.#state = { at: "resting", untilMs: performance.now() + rest.delayMs(), next: rest.next() };
        if (isCriError(error)) this.#lastFailure = error;
      }
      throw error;
    }
  }

  /** A connection that was lost, or is on its way out, takes no new calls. */
  #drop(connection: Connection): void {
    if (this.#state.at === "open" && this.#state.connection === connection) this.#state = { at: "idle" };
  }

  #closedError(): CriError {
    return clientClosed(this.#options.endpoint);
  }
}
