import { type Backoff, type CriError, isCriError, sleep } from "../core/index.js";
import { type Connection, clientClosed, dial } from "./connection.js";
import type { ResolvedTransportOptions } from "./options.js";

type SubchannelState =
  | { readonly at: "idle" }
  /** A dial is in flight; every call that needs a connection waits for the same one. */
  | { readonly at: "dialing"; readonly connection: Promise<Connection> }
  | { readonly at: "open"; readonly connection: Connection }
  /** The last dial failed; the next one waits until its back-off is over. */
  | { readonly at: "backoff"; readonly untilMs: number; readonly next: Backoff }
  | { readonly at: "closed" };

/**
 * The one connection of a transport: opened on first use and again after it was lost, with a back-off after each failed dial. Calls
 * wait for a dial here, never for each other.
 */
export class Subchannel {
  readonly #options: ResolvedTransportOptions;
  readonly #stop = new AbortController();
  readonly #connections = new Set<Connection>();
  #state: SubchannelState = { at: "idle" };
  #lastFailure: CriError | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: ResolvedTransportOptions) {
    this.#options = options;
  }

  /** The connection if one is open and usable. */
  get current(): Connection | undefined {
    return this.#state.at === "open" && this.#state.connection.usable ? this.#state.connection : undefined;
  }

  /** The error of the latest dial; undefined if that dial succeeded. */
  get lastFailure(): CriError | undefined {
    return this.#lastFailure;
  }

  /** Returns the connection, dialing if necessary. Rejects with the dial's error, or `client_closed`. */
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
      case "backoff":
        return this.#dial(Math.max(0, state.untilMs - performance.now()), state.next);
      case "idle":
        return this.#dial(0, this.#options.backoff);
    }
  }

  /** Ends the connection, the dial and every call. Resolves when no socket remains. Idempotent. */
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

  #dial(delayMs: number, backoff: Backoff): Promise<Connection> {
    const connection = this.#open(delayMs, backoff);
    this.#state = { at: "dialing", connection };
    return connection;
  }

  async #open(delayMs: number, backoff: Backoff): Promise<Connection> {
    const { endpoint, connectTimeoutMs, tls } = this.#options;
    const { signal } = this.#stop;
    try {
      if (delayMs > 0) await sleep(delayMs, signal);
      const onUnusable = (lost: Connection) => this.#drop(lost);
      const connection = await dial({ endpoint, connectTimeoutMs, tls, signal, onUnusable });
      // close() may have been called after the dial stopped listening to the signal.
      if (signal.aborted) {
        await connection.close();
        throw signal.reason;
      }
      this.#connections.add(connection);
      void connection.closed.then(() => this.#connections.delete(connection));
      this.#state = { at: "open", connection };
      this.#lastFailure = undefined;
      return connection;
    } catch (error) {
      if (!signal.aborted) {
        this.#state = {
          at: "backoff",
          untilMs: performance.now() + backoff.delayMs(),
          next: backoff.next(),
        };
        if (isCriError(error)) this.#lastFailure = error;
      }
      throw error;
    }
  }

  /** Stops offering a connection that was lost or is closing to new calls. */
  #drop(connection: Connection): void {
    if (this.#state.at === "open" && this.#state.connection === connection) this.#state = { at: "idle" };
  }

  #closedError(): CriError {
    return clientClosed(this.#options.endpoint);
  }
}
