import type { Agent } from "node:http";
import type { CallOptions } from "../../core/index.js";
import type { StreamingOptions } from "../options.js";
import type { ForwardedConnection } from "./connection.js";

/** How connections to a pod's ports are made. `timeoutMs` and `signal` bound each connection's beginning. */
export interface PortForwardOptions extends Omit<StreamingOptions, "transport"> {
  /**
   * `isolated`: each connection has an RPC and a streaming session of its own. `pooled`: all share one session, which
   * makes short connections faster, and lets one whose bytes are not read stop all the others. SPDY only.
   * @default "isolated"
   */
  readonly mode?: "isolated" | "pooled" | undefined;
  /**
   * `auto` takes WebSocket where SPDY is refused.
   * @default "auto"
   */
  readonly transport?: StreamingOptions["transport"];
  /**
   * How long `connect()` waits for the news that nobody listens on the port, in milliseconds. A runtime accepts a
   * connection before it has tried the port, so without a wait that news comes as an `error` event of the connection.
   * @default 0
   */
  readonly refusalWaitMs?: number | undefined;
  /**
   * Whether `end()` of a connection is passed on, and the port's reply still read. Only for servers that can do this:
   * a runtime hangs up a second later, and the rest of the reply is lost.
   * @default false
   */
  readonly halfClose?: boolean | undefined;
}

/** Where {@link PortForward.listen} listens. */
export interface ListenOptions {
  /**
   * The local port; 0 takes one that is free.
   * @default the pod's port
   */
  readonly port?: number | undefined;
  /**
   * The local address. Whoever can reach it can reach the pod's port.
   * @default "127.0.0.1"
   */
  readonly host?: string | undefined;
  /**
   * How long a connection whose client has ended may go on without a byte in either direction, in milliseconds; 0 sets
   * no limit. A client that is gone looks like one that waits for its reply, and many ports wait for their clients to
   * hang up, which no runtime tells them. With `halfClose` over SPDY the port is told, and there is no limit.
   * @default 10_000
   */
  readonly idleAfterEndMs?: number | undefined;
  /** Hears why a connection failed; the others are not affected. */
  readonly onError?: ((error: unknown) => void) | undefined;
  /** Stops listening when it fires. */
  readonly signal?: AbortSignal | undefined;
}

/** A local port that leads to a pod's. `await using` closes it. */
export interface ForwardListener extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** How many connections are open. */
  readonly connections: number;
  /** Stops listening, ends the open connections, and resolves when no socket is left. Idempotent. */
  close(): Promise<void>;
}

/** The ports of one pod. `await using` closes every connection, listener and session. */
export interface PortForward extends AsyncDisposable {
  /**
   * A connection to a port, as a duplex stream. Resolves when the runtime has accepted it; rejects with
   * {@link CriError}. That nobody listens is told by the stream's `error` event, with reason `port_refused`: or by
   * this promise, within `refusalWaitMs`.
   */
  connect(port: number, options?: Pick<CallOptions, "signal" | "timeoutMs">): Promise<ForwardedConnection>;
  /**
   * Listens on a local port; each connection to it leads to the pod's. Rejects with {@link CriError}: `invalid_option`,
   * or `unavailable` when the address cannot be had.
   */
  listen(port: number, options?: ListenOptions): Promise<ForwardListener>;
  /**
   * An HTTP request to a port of the pod, without a local port. Redirects are not followed. A body that is text, bytes,
   * `URLSearchParams` or a `Blob` goes with its `content-length`, a stream or a form in chunks.
   */
  fetch(port: number, path: string, init?: RequestInit): Promise<Response>;
  /** For `node:http` and what is built on it: the host of a URL is the pod, whatever its name. */
  readonly agent: Agent;
  /** Ends everything. Idempotent. */
  close(): Promise<void>;
}
