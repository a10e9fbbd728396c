import type { Duplex } from "node:stream";
import { checkTimeout, invalidOption, type TlsOptions } from "../core/index.js";

/**
 * A streaming URL as Exec, Attach or PortForward answered it, or a function that gets one. A URL can be used once: with
 * a function, a second attempt (WebSocket after SPDY was refused) asks for another.
 */
export type StreamingUrl = string | (() => string | Promise<string>);

/** How the bytes of a session travel. */
export type StreamingTransport = "spdy" | "websocket";

/** How a streaming connection is made; all of it has defaults that suit a runtime on this machine. */
export interface StreamingOptions {
  /** Ends the session when it fires: at once, with all its streams. What becomes of the command: docs/exec.md. */
  readonly signal?: AbortSignal | undefined;
  /**
   * The deadline of the whole session in milliseconds; 0 and Infinity mean none.
   * @default none
   */
  readonly timeoutMs?: number | undefined;
  /**
   * How long connecting may take until the server has agreed to the session's protocol, in milliseconds.
   * @default 10_000
   */
  readonly connectTimeoutMs?: number | undefined;
  /**
   * How long the server may take to start the session after that, in milliseconds. Runtimes give up after 30 s and
   * never tell.
   * @default 30_000
   */
  readonly startTimeoutMs?: number | undefined;
  /**
   * SPDY/3.1 can do everything, on every runtime. WebSocket cannot tell a command that its input ended, unless the
   * server speaks v5, which no runtime does today. `auto` takes WebSocket where SPDY is refused.
   * @default "auto"
   */
  readonly transport?: StreamingTransport | "auto" | undefined;
  /**
   * What a URL without a scheme or a host is completed with.
   * @default "http://127.0.0.1"
   */
  readonly baseUrl?: string | URL | undefined;
  /** The last word on where to connect: for a runtime behind a tunnel, or in another network namespace. */
  readonly rewriteUrl?: ((url: URL) => URL | string) | undefined;
  /**
   * Connects, in place of a TCP or TLS connection to the URL's host: a Unix socket, a tunnel, a pair in memory.
   * @default node:net, and node:tls for https
   */
  readonly dial?: ((url: URL) => Duplex | Promise<Duplex>) | undefined;
  /**
   * TLS, for https URLs.
   * @default the system's certificate authorities
   */
  readonly tls?: TlsOptions | undefined;
  /**
   * Extra headers of the HTTP upgrade.
   * @default none
   */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /**
   * How often a ping goes out, in milliseconds, so that the server's idle timeout (4 hours, unless configured) does not
   * end a quiet session; 0 sends none. A missing answer is never taken for a failure.
   * @default 60_000
   */
  readonly keepAliveMs?: number | undefined;
}

/** The numbers among {@link StreamingOptions}, complete and checked. */
export interface StreamingTimes {
  readonly timeoutMs: number | undefined;
  readonly connectTimeoutMs: number;
  readonly startTimeoutMs: number;
  readonly keepAliveMs: number;
}

/** Fills in the defaults and checks every number. Throws `invalid_option`. */
export function resolveTimes(options: StreamingOptions): StreamingTimes {
  return Object.freeze({
    timeoutMs: checkTimeout(options.timeoutMs),
    connectTimeoutMs: positive("connectTimeoutMs", options.connectTimeoutMs ?? 10_000),
    startTimeoutMs: positive("startTimeoutMs", options.startTimeoutMs ?? 30_000),
    keepAliveMs: options.keepAliveMs === 0 ? 0 : positive("keepAliveMs", options.keepAliveMs ?? 60_000),
  });
}

/** A number of milliseconds that a timer can hold. Throws `invalid_option`. */
export function positive(name: string, value: number): number {
  if (value > 0 && value < 2 ** 31) return value;
  throw invalidOption(name, value, "must be more than 0 milliseconds, and less than 2^31");
}
