import type { Agent } from "node:http";
import { OptionTable, option } from "../../core/index.js";
import { type StreamingOptions, streamingTable } from "../options.js";
import type { ForwardedConnection } from "./connection.js";

/** Options of a port-forward. `signal` closes everything; `timeoutMs` limits the opening of each connection. */
export interface PortForwardOptions extends Omit<StreamingOptions, "transport"> {
  /**
   * `isolated`: each connection has its own RPC and streaming session. `pooled`: all connections share one session, which makes
   * short connections faster; but a connection whose bytes are not read pauses all others. SPDY only.
   * @default "isolated"
   */
  readonly mode?: "isolated" | "pooled" | undefined;
  /**
   * The transport. `auto` uses WebSocket when the server refuses SPDY.
   * @default "auto"
   */
  readonly transport?: StreamingOptions["transport"];
  /**
   * The time that `connect()` waits for a refusal by the port, in milliseconds. A runtime accepts a connection before it tries the
   * port, so without this wait a refusal arrives as an `error` event of the connection.
   * @default 0
   */
  readonly refusalWaitMs?: number | undefined;
  /**
   * How long to try again, in milliseconds, while no process listens on the port yet. What was written before is sent to the process
   * that listens then, and nothing reaches a process twice. Then, or with 0, the refusal is an error. `timeoutMs` and the signals end
   * the wait, too.
   * @default 0
   */
  readonly portWaitMs?: number | undefined;
  /**
   * Whether `end()` of a connection is sent to the server, while the port's reply is still read. Only for servers that support it: a
   * runtime hangs up a second later, and the rest of the reply is lost.
   * @default false
   */
  readonly halfClose?: boolean | undefined;
}

/** The options of {@link PortForwardOptions}. */
export const portForwardTable = new OptionTable<PortForwardOptions>({
  ...streamingTable.checks,
  mode: option.oneOf("isolated", "pooled"),
  refusalWaitMs: option.milliseconds,
  portWaitMs: option.milliseconds,
  halfClose: option.boolean,
});

/** Options of {@link PortForward.listen}. */
export interface ListenOptions {
  /**
   * The local port; 0 chooses a free one.
   * @default the pod's port
   */
  readonly port?: number | undefined;
  /**
   * The local address. Every process that reaches it also reaches the pod's port.
   * @default "127.0.0.1"
   */
  readonly host?: string | undefined;
  /**
   * The limit for a connection without a byte in either direction after its client has ended, in milliseconds; 0 sets no limit. A
   * client that has disconnected looks the same as one that waits for its reply, and many ports wait for their client to hang up,
   * but no runtime forwards that. With `halfClose` over SPDY the port receives the end, and there is no limit.
   * @default 10_000
   */
  readonly idleAfterEndMs?: number | undefined;
  /**
   * How long each connection waits for a process that listens on the pod's port, as {@link PortForwardOptions.portWaitMs}.
   * @default `portWaitMs` of the port-forward
   */
  readonly portWaitMs?: number | undefined;
  /** Called with the error of a connection that failed. Other connections are not affected. */
  readonly onError?: ((error: unknown) => void) | undefined;
  /** Closes the listener when it fires. */
  readonly signal?: AbortSignal | undefined;
}

/** The options of {@link ListenOptions}. */
export const listenTable = new OptionTable<ListenOptions>({
  port: option.wholeNumber(0, 65_535),
  host: option.nonEmptyString,
  idleAfterEndMs: option.milliseconds,
  portWaitMs: option.milliseconds,
  onError: option.callback,
  signal: option.signal,
});

/** The options of {@link PortForward.connect}. */
export type ConnectionOptions = Pick<PortForwardOptions, "signal" | "timeoutMs" | "portWaitMs">;

/** The options of {@link ConnectionOptions}. */
export const connectionTable = new OptionTable<ConnectionOptions>({
  signal: option.signal,
  timeoutMs: option.timeoutMs,
  portWaitMs: option.milliseconds,
});

/** A local port whose connections lead to a pod. `await using` closes it. */
export interface ForwardListener extends AsyncDisposable {
  /** The address that it listens on. */
  readonly host: string;
  /** The port that it listens on. */
  readonly port: number;
  /** The number of open connections. */
  readonly connections: number;
  /** Stops listening and ends the open connections. Resolves when all sockets have closed. Idempotent. */
  close(): Promise<void>;
}

/** The ports of one pod. `await using` closes every connection, listener and session. */
export interface PortForward extends AsyncDisposable {
  /**
   * Opens a connection to a port. Resolves when the runtime has accepted it. Rejects with {@link CriError}. A port on which no
   * process listens is reported by the connection's `error` event with reason `port_refused`, or by this promise within
   * `refusalWaitMs`. With `portWaitMs` it may also be used at once: what is written waits for a process that listens.
   */
  connect(
    port: number,
    options?: Pick<PortForwardOptions, "signal" | "timeoutMs" | "portWaitMs">,
  ): Promise<ForwardedConnection>;
  /**
   * Listens on a local port; each connection to it leads to the pod's port. Rejects with {@link CriError}: `invalid_option`, or
   * `unreachable` when the address is not available.
   */
  listen(port: number, options?: ListenOptions): Promise<ForwardListener>;
  /**
   * Sends an HTTP request to a port of the pod, without a local port. Redirects are not followed. A body that is a string, bytes,
   * `URLSearchParams` or a `Blob` is sent with its `content-length`, a stream or a form in chunks. `init` is that of the global
   * `fetch`, and {@link PortForwardOptions.portWaitMs}.
   */
  fetch(
    port: number,
    path: string,
    init?: RequestInit & Pick<PortForwardOptions, "portWaitMs">,
  ): Promise<Response>;
  /** An agent for `node:http`: the host of a URL is the pod, whatever its name. */
  readonly agent: Agent;
  /** Closes everything. Idempotent. */
  close(): Promise<void>;
}
