import type { Agent } from "node:http";
import {
  abortError,
  type CallOptions,
  CancellationScope,
  type CriError,
  checkArgument,
  checkTimeout,
  criError,
  invalidOption,
  isCriError,
  onAbort,
} from "../../core/index.js";
import { withStartTimeout } from "../connect.js";
import { resolveTimes, type StreamingTimes } from "../options.js";
import { type Diagnose, type Link, LinkedConnection } from "./connection.js";
import { checkFetchInit, type FetchInit, ForwardAgent, fetchThrough } from "./http.js";
import { type ForwardSource, LinkOpener } from "./links.js";
import { listenFor } from "./listen.js";
import {
  type ConnectionOptions,
  connectionTable,
  type ForwardListener,
  type ListenOptions,
  listenTable,
  type PortForward,
  type PortForwardOptions,
  portForwardTable,
} from "./options.js";
import { type LinkSource, WaitingLink } from "./waiting-link.js";

type WaitingOptions = ConnectionOptions & { readonly portWaitMs: number };

/**
 * Creates a port-forward to the pod whose URLs `source` requests. Opens nothing before the first connection. Throws
 * `invalid_option`.
 */
export function portForward(source: ForwardSource, options: PortForwardOptions = {}): PortForward {
  return diagnosedPortForward(source, options);
}

/** Asks the runtime why a connection ended before a byte arrived; undefined if that is not known. */
export type PodDiagnosis = (options: Pick<CallOptions, "signal">) => Promise<CriError | undefined>;

/** Creates a port-forward that asks the runtime about connections that ended before a byte arrived. */
export function diagnosedPortForward(
  source: ForwardSource,
  options: PortForwardOptions,
  diagnosis?: PodDiagnosis,
): PortForward {
  checkArgument("portForward", "source", source, (value) =>
    typeof value === "function" ? undefined : "must be a function that returns the URL for a port",
  );
  portForwardTable.check("portForward", options);
  return new Forwarder(source, options, diagnosis);
}

class Forwarder implements PortForward {
  readonly #options: PortForwardOptions;
  readonly #times: StreamingTimes;
  readonly #links: LinkOpener;
  readonly #opening = new Set<CancellationScope>();
  readonly #connections = new Set<LinkedConnection>();
  readonly #listeners = new Set<ForwardListener>();
  /** Calls of `listen()` whose port is not open yet. */
  readonly #binding = new Set<Promise<unknown>>();
  readonly #diagnosis: PodDiagnosis | undefined;
  readonly #removeAbortCallback: () => void;
  #agent: ForwardAgent | undefined;
  #closed: CriError | undefined;
  #closing: Promise<void> | undefined;

  constructor(source: ForwardSource, options: PortForwardOptions, diagnosis: PodDiagnosis | undefined) {
    const { signal } = options;
    this.#diagnosis = diagnosis;
    this.#options = options;
    this.#times = resolveTimes(options);
    this.#links = new LinkOpener(source, options, this.#times);
    this.#removeAbortCallback = () => undefined;
    if (signal?.aborted) this.#closed = abortError(signal);
    else
      this.#removeAbortCallback = onAbort(signal, () => {
        if (signal) this.#closing ??= this.#close(abortError(signal));
      });
  }

  get agent(): Agent {
    this.#agent ??= new ForwardAgent((port) => this.connect(port));
    return this.#agent;
  }

  async connect(port: number, options: ConnectionOptions = {}): Promise<LinkedConnection> {
    checkPort("port", port, 1);
    connectionTable.check("connect", options);
    const timeoutMs = checkTimeout(options.timeoutMs ?? this.#times.timeoutMs);
    const { portWaitMs = this.#options.portWaitMs ?? 0 } = options;
    const scope = new CancellationScope(timeoutMs, options.signal);
    if (this.#closed) scope.stop(this.#closed);
    this.#opening.add(scope);
    const diagnose = this.#diagnose(options.signal);
    let connection: LinkedConnection | undefined;
    try {
      if (scope.stopped) throw scope.stopped;
      const { link, endpoint } = await this.#links.open(port, scope);
      const waiting =
        portWaitMs > 0 ? this.#waiting(link, port, scope, { ...options, portWaitMs }) : undefined;
      connection = new LinkedConnection({
        link: waiting ?? link,
        remotePort: port,
        endpoint,
        halfClose: this.#options.halfClose ?? false,
        isWaiting: waiting !== undefined,
        diagnose,
      });
      await this.#start(connection, scope, waiting);
      // The scope may have been stopped after the last wait.
      if (scope.stopped) throw scope.stopped;
      return this.#keep(connection);
    } catch (error) {
      connection?.destroy();
      if (!diagnose || !isCriError(error) || error.reason !== "connection_lost") throw error;
      throw (await scope.race(diagnose())) ?? error;
    } finally {
      this.#opening.delete(scope);
      scope.end();
    }
  }

  async listen(port: number, options: ListenOptions = {}): Promise<ForwardListener> {
    checkPort("port", port, 1);
    listenTable.check("listen", options);
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
      () => this.connect(port, { portWaitMs: options.portWaitMs }),
      (closed) => this.#listeners.delete(closed),
    );
    if (this.#closed) {
      // `close()` was called before the listener was registered.
      await listener.close();
      throw this.#closed;
    }
    this.#listeners.add(listener);
    return listener;
  }

  fetch(port: number, path: string, init: FetchInit = {}): Promise<Response> {
    checkPort("port", port, 1);
    checkFetchInit(init);
    const { portWaitMs, ...request } = init;
    return fetchThrough((signal) => this.connect(port, { signal, portWaitMs }), port, path, request);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close(criError("client_closed", "the port-forward was closed"));
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(error: CriError): Promise<void> {
    this.#closed = error;
    this.#removeAbortCallback();
    this.#agent?.destroy();
    for (const scope of this.#opening) scope.stop(error);
    for (const connection of this.#connections) connection.destroy(error);
    await Promise.all([
      this.#links.close(error),
      ...[...this.#listeners].map((listener) => listener.close()),
      Promise.allSettled(this.#binding),
    ]);
  }

  /** Starts the connection; with `refusalWaitMs`, also waits for a refusal. */
  async #start(
    connection: LinkedConnection,
    scope: CancellationScope,
    waiting: WaitingLink | undefined,
  ): Promise<void> {
    const started = connection.start();
    await this.#withStartTimeout(scope, (inner) => inner.race(started));
    // The refusal may have arrived together with the acceptance.
    if (connection.errored) throw connection.errored;
    const { refusalWaitMs = 0 } = this.#options;
    if (refusalWaitMs > 0) await scope.race(waitForRefusal(connection, refusalWaitMs, waiting));
  }

  #withStartTimeout(
    scope: CancellationScope,
    work: (inner: CancellationScope) => Promise<void>,
  ): Promise<void> {
    return withStartTimeout(this.#times.startTimeoutMs, "accept the connection", scope, work);
  }

  #waiting(first: Link, port: number, scope: CancellationScope, options: WaitingOptions): WaitingLink {
    const source: LinkSource = {
      open: async (inner) => (await this.#links.open(port, inner)).link,
      start: (link, listener, outer) =>
        this.#withStartTimeout(outer, (inner) => inner.race(link.start(listener))),
    };
    const { portWaitMs, signal } = options;
    return new WaitingLink(first, source, { portWaitMs, signal, timeoutMs: scope.remainingMs });
  }

  /** Returns a function that asks once. */
  #diagnose(signal: AbortSignal | undefined): Diagnose | undefined {
    const diagnosis = this.#diagnosis;
    if (!diagnosis) return undefined;
    let found: Promise<CriError | undefined> | undefined;
    return () => {
      found ??= diagnosis({ signal }).catch(() => undefined);
      return found;
    };
  }

  #keep(connection: LinkedConnection): LinkedConnection {
    this.#connections.add(connection);
    connection.once("close", () => this.#connections.delete(connection));
    return connection;
  }
}

/**
 * Resolves when the port has sent something, or when it has not refused the connection for `ms`. Rejects when the port was refused.
 */
function waitForRefusal(
  connection: LinkedConnection,
  ms: number,
  waiting: WaitingLink | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (work: () => void) => {
      clearTimeout(timer);
      connection.removeListener("readable", onReadable);
      connection.removeListener("error", onError);
      work();
    };
    const onReadable = () => settle(resolve);
    const onError = (error: unknown) => settle(() => reject(error));
    const onTime = () => {
      const remainingMs = ms - (waiting?.unrefusedMs ?? ms);
      // Meanwhile the connection was opened again.
      if (remainingMs > 0) timer = setTimeout(onTime, remainingMs);
      else settle(resolve);
    };
    let timer = setTimeout(onTime, ms);
    connection.once("readable", onReadable);
    connection.once("error", onError);
  });
}

function checkPort(name: string, port: number, least: number): void {
  if (!Number.isInteger(port) || port < least || port > 65_535)
    throw invalidOption(name, port, `must be a whole number from ${least} to 65535`);
}
