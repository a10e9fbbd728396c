import type { Duplex } from "node:stream";
import {
  checkTimeout,
  headerRecordCheck,
  invalidOption,
  type OptionCheck,
  OptionTable,
  option,
  type TlsOptions,
  tlsTable,
} from "../core/index.js";

/**
 * A streaming URL from the response to Exec, Attach or PortForward, or a function that requests one. A server accepts each URL
 * once: with a function, a second attempt (WebSocket after SPDY was refused) requests another.
 */
export type StreamingUrl = string | ((options: UrlRequestOptions) => string | Promise<string>);

/** Options for a function that requests a streaming URL. */
export interface UrlRequestOptions {
  /** Fires when the URL is no longer needed, for example because the session's deadline has passed. */
  readonly signal: AbortSignal;
}

/** The protocol that carries a session. */
export type StreamingTransport = "spdy" | "websocket";

/** Options of a streaming connection. The defaults suit a runtime on this machine. */
export interface StreamingOptions {
  /** Ends the session and all its streams when it fires. What happens to the command: docs/exec.md. */
  readonly signal?: AbortSignal | undefined;
  /**
   * The deadline of the whole session in milliseconds; 0 and Infinity mean no deadline.
   * @default none
   */
  readonly timeoutMs?: number | undefined;
  /**
   * The limit for connecting, until the server has agreed to the session's protocol, in milliseconds.
   * @default 10_000
   */
  readonly connectTimeoutMs?: number | undefined;
  /**
   * The limit for the start of the session after connecting, in milliseconds. Runtimes give up after 30 s without reporting it.
   * @default 30_000
   */
  readonly startTimeoutMs?: number | undefined;
  /**
   * The transport. SPDY/3.1 supports everything, on every runtime. WebSocket cannot end a command's input, except with the v5
   * protocol, which no current runtime speaks. `auto` uses WebSocket when the server refuses SPDY.
   * @default "auto"
   */
  readonly transport?: StreamingTransport | "auto" | undefined;
  /**
   * The base of a URL without a scheme or a host.
   * @default "http://127.0.0.1"
   */
  readonly baseUrl?: string | URL | undefined;
  /**
   * Returns the URL to connect to, for a runtime behind a tunnel or in another network namespace.
   * @default the URL of the runtime
   */
  readonly rewriteUrl?: ((url: URL) => URL | string) | undefined;
  /**
   * Opens the connection, instead of TCP or TLS to the URL's host: a Unix socket, a tunnel, an in-memory pair.
   * @default node:net, and node:tls for https
   */
  readonly dial?: ((url: URL) => Duplex | Promise<Duplex>) | undefined;
  /**
   * TLS options, for https URLs.
   * @default the system's certificate authorities
   */
  readonly tls?: TlsOptions | undefined;
  /**
   * Extra headers of the HTTP upgrade request.
   * @default none
   */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /**
   * The interval of pings in milliseconds; 0 sends none. Pings keep the server's idle timeout (4 hours by default) from ending a
   * quiet session. A missing response to a ping is not a failure.
   * @default 60_000
   */
  readonly keepAliveMs?: number | undefined;
}

/** The check of a {@link StreamingUrl}. */
export const urlCheck: OptionCheck<StreamingUrl> = (value) =>
  typeof value === "string" || typeof value === "function"
    ? undefined
    : "must be a URL, or a function that returns one";

/** The options of {@link StreamingOptions}. */
export const streamingTable = new OptionTable<StreamingOptions>({
  signal: option.signal,
  timeoutMs: option.timeoutMs,
  connectTimeoutMs: option.timerMs,
  startTimeoutMs: option.timerMs,
  transport: option.oneOf("spdy", "websocket", "auto"),
  baseUrl: option.url,
  rewriteUrl: option.callback,
  dial: option.callback,
  tls: option.nested(tlsTable),
  headers: headerRecordCheck,
  keepAliveMs: (value) =>
    value === 0 || option.timerMs(value) === undefined
      ? undefined
      : "must be 0 (no pings) or more, and less than 2^31 milliseconds",
});

/** The durations of {@link StreamingOptions}, complete and validated. */
export interface StreamingTimes {
  readonly timeoutMs: number | undefined;
  readonly connectTimeoutMs: number;
  readonly startTimeoutMs: number;
  readonly keepAliveMs: number;
}

/** Applies the defaults and validates every duration. Throws `invalid_option`. */
export function resolveTimes(options: StreamingOptions): StreamingTimes {
  return Object.freeze({
    timeoutMs: checkTimeout(options.timeoutMs),
    connectTimeoutMs: checkDuration("connectTimeoutMs", options.connectTimeoutMs ?? 10_000),
    startTimeoutMs: checkDuration("startTimeoutMs", options.startTimeoutMs ?? 30_000),
    keepAliveMs: options.keepAliveMs === 0 ? 0 : checkDuration("keepAliveMs", options.keepAliveMs ?? 60_000),
  });
}

/** Returns a duration in milliseconds that fits a timer. Throws `invalid_option`. */
export function checkDuration(name: string, value: number): number {
  if (value > 0 && value < 2 ** 31) return value;
  throw invalidOption(name, value, "must be greater than 0 and less than 2^31 milliseconds");
}
