import type { Agent } from "node:http";
import {
  type CallOptions,
  CriError,
  checkTimeout,
  invalidOption,
  Lifeline,
  stoppedError,
} from "../../core/index.js";
import { withinTime } from "../open.js";
import { resolveTimes, type StreamingTimes } from "../options.js";
import { ForwardedConnection } from "./connection.js";
import { fetchThrough } from "./fetch.js";
import { ForwardAgent } from "./http-agent.js";
import { type ForwardSource, LinkOpener } from "./link-opener.js";
import { listenFor } from "./listen.js";
import type { ForwardListener, ListenOptions, PortForward, PortForwardOptions } from "./options.js";

/**
 * Connections to the ports of the pod that `source` gets URLs for; nothing is opened before the first. Throws
 * `invalid_option`.
 */
export function portForward(source: ForwardSource, options: PortForwardOptions = {}): PortForward {
  return new Forwarder(source, options);
}

class Forwarder implements PortForward {
  readonly #options: PortForwardOptions;
  readonly #times: StreamingTimes;
  readonly #links: LinkOpener;
  readonly #opening = new Set<Lifeline>();
  readonly #connections = new Set<ForwardedConnection>();
  readonly #listeners = new Set<ForwardListener>();
  /** Calls of `listen()` that have no address yet. */
  readonly #binding = new Set<Promise<unknown>>();
  #agent: ForwardAgent | undefined;
  #closed: CriError | undefined;
  #closing: Promise<void> | undefined;

  constructor(source: ForwardSource, options: PortForwardOptions) {
    const { refusalWaitMs = 0, signal } = options;
    if (!(refusalWaitMs >= 0))
      throw invalidOption("refusalWaitMs", refusalWaitMs, "must be 0 or more milliseconds");
    this.#options = options;
    this.#times = resolveTimes(options);
    this.#links = new LinkOpener(source, options, this.#times);
    if (signal?.aborted) this.#closed = stoppedError(signal);
    else signal?.addEventListener("abort", this.#aborted, { once: true });
  }

  get agent(): Agent {
    this.#agent ??= new ForwardAgent((port) => this.connect(port));
    return this.#agent;
  }

  async connect(
    port: number,
    options: Pick<CallOptions, "signal" | "timeoutMs"> = {},
  ): Promise<ForwardedConnection> {
    checkPort("port", port, 1);
    const timeoutMs = checkTimeout(options.timeoutMs ?? this.#times.timeoutMs);
    const lifeline = new Lifeline(timeoutMs, options.signal);
    if (this.#closed) lifeline.stop(this.#closed);
    this.#opening.add(lifeline);
    let connection: ForwardedConnection | undefined;
    try {
      if (lifeline.stopped) throw lifeline.stopped;
      const { link, endpoint } = await this.#links.open(port, lifeline);
      connection = new ForwardedConnection({
        link,
        remotePort: port,
        endpoint,
        halfClose: this.#options.halfClose ?? false,
      });
      await this.#begin(connection, link.start(connection), lifeline);
      // It may have been stopped after the last wait was over.
      if (lifeline.stopped) throw lifeline.stopped;
      return this.#keep(connection);
    } catch (error) {
      connection?.destroy();
      throw error;
    } finally {
      this.#opening.delete(lifeline);
      lifeline.end();
    }
  }

  async listen(port: number, options: ListenOptions = {}): Promise<ForwardListener> {
    checkPort("port", port, 1);
    checkPort("options.port", options.port ?? port, 0);
    if (this.#closed) throw this.#closed;
    const binding = this.#bind(port, options);
    this.#binding.add(binding);
    try {
      return await binding;
    } finally {
      this.#binding.delete(binding);
    }
  }

  async #bind(port: number, options: ListenOptions): Promise<ForwardListener> {
    const listener = await listenFor(
      port,
      options,
      () => this.connect(port),
      (ended) => this.#listeners.delete(ended),
    );
    if (this.#closed) {
      // Whoever closed everything did not know of it yet.
      await listener.close();
      throw this.#closed;
    }
    this.#listeners.add(listener);
    return listener;
  }

  fetch(port: number, path: string, init?: RequestInit): Promise<Response> {
    checkPort("port", port, 1);
    return fetchThrough((signal) => this.connect(port, { signal }), port, path, init);
  }

  close(): Promise<void> {
    const text = "the port-forward was closed";
    this.#closing ??= this.#close(new CriError({ code: "canceled", reason: "client_closed", text }));
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  readonly #aborted = () => {
    const { signal } = this.#options;
    if (signal) this.#closing ??= this.#close(stoppedError(signal));
  };

  async #close(why: CriError): Promise<void> {
    this.#closed = why;
    this.#options.signal?.removeEventListener("abort", this.#aborted);
    this.#agent?.destroy();
    for (const lifeline of this.#opening) lifeline.stop(why);
    for (const connection of this.#connections) connection.destroy(why);
    await Promise.all([
      this.#links.close(why),
      ...[...this.#listeners].map((listener) => listener.close()),
      Promise.allSettled(this.#binding),
    ]);
  }

  /** Waits until the server has taken the connection up, and for the news of a refusal if that is wanted. */
  #begin(connection: ForwardedConnection, started: Promise<void>, lifeline: Lifeline): Promise<void> {
    const { refusalWaitMs = 0 } = this.#options;
    return withinTime(this.#times.startTimeoutMs, "take up the connection", lifeline, async (within) => {
      await within.race(started);
      // The news may have come together with the beginning.
      if (connection.errored) throw connection.errored;
      if (refusalWaitMs > 0) await within.race(refusal(connection, refusalWaitMs));
    });
  }

  #keep(connection: ForwardedConnection): ForwardedConnection {
    this.#connections.add(connection);
    connection.once("close", () => this.#connections.delete(connection));
    return connection;
  }
}

/** Resolves when something has come from the port, or after `ms`; rejects when the port was refused. */
function refusal(connection: ForwardedConnection, ms: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      clearTimeout(timer);
      connection.removeListener("readable", ready);
      connection.removeListener("error", failed);
      act();
    };
    const ready = () => settle(resolve);
    const failed = (error: unknown) => settle(() => reject(error));
    const timer = setTimeout(ready, ms);
    connection.once("readable", ready);
    connection.once("error", failed);
  });
}

function checkPort(name: string, port: number, least: number): void {
  if (!Number.isInteger(port) || port < least || port > 65_535)
    throw invalidOption(name, port, `must be a whole number from ${least} to 65535`);
}
