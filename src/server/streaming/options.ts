import type { SecureContextOptions, TlsOptions } from "node:tls";
import { invalidOption, maxTimerMs } from "../../core/index.js";

/** Node's TLS options of a server: `cert` and `key`, and `ca` with `requestCert` where clients must have one, too. */
export type ServerTlsOptions = Pick<
  SecureContextOptions,
  "ca" | "cert" | "key" | "passphrase" | "minVersion"
> &
  Pick<TlsOptions, "requestCert" | "rejectUnauthorized">;

/** How a streaming server behaves; the defaults are those of the known runtimes. */
export interface StreamingServerOptions {
  /**
   * The address to listen on. Whoever reaches it needs a token for each session, and nothing else.
   * @default "127.0.0.1"
   */
  readonly host?: string | undefined;
  /**
   * The port to listen on; 0 takes one that is free.
   * @default 0
   */
  readonly port?: number | undefined;
  /**
   * Whether to listen at all. Without, connections come by `handleConnection`, `handleRequest` and `handleUpgrade`.
   * @default true
   */
  readonly listen?: boolean | undefined;
  /** Serves https. Has no effect on connections that are handed in, which are taken as decrypted. */
  readonly tls?: ServerTlsOptions | undefined;
  /**
   * What the URLs begin with: for a server behind another name, or another path. A request's path is looked at from
   * `/exec/`, `/attach/` or `/portforward/` on.
   * @default where the server listens, with the loopback address for a wildcard; `http://127.0.0.1` if it does not listen
   */
  readonly baseUrl?: string | URL | undefined;
  /**
   * How long a URL is good for, in milliseconds.
   * @default 60_000
   */
  readonly tokenLifetimeMs?: number | undefined;
  /**
   * How many URLs may wait to be used; the next is refused with `resource_exhausted`.
   * @default 1_000
   */
  readonly maxTokens?: number | undefined;
  /**
   * How long a client may take to open the streams of its session, in milliseconds; then the connection is closed. For
   * a forwarded connection, how long until its second stream is there.
   * @default 30_000
   */
  readonly streamTimeoutMs?: number | undefined;
  /**
   * How long a session may go without a byte in either direction, in milliseconds, pings counted; then it is ended.
   * @default 14_400_000, four hours
   */
  readonly idleTimeoutMs?: number | undefined;
}

/** {@link StreamingServerOptions}, complete and checked. */
export interface ResolvedServerOptions extends SessionTimes {
  readonly host: string;
  readonly port: number;
  readonly listen: boolean;
  readonly tls: ServerTlsOptions | undefined;
  readonly baseUrl: string | undefined;
  readonly tokenLifetimeMs: number;
  readonly maxTokens: number;
}

/** The times that a session keeps. */
export interface SessionTimes {
  readonly streamTimeoutMs: number;
  readonly idleTimeoutMs: number;
}

/** Fills in the defaults and checks everything. Throws `invalid_option`. */
export function resolveServerOptions(options: StreamingServerOptions): ResolvedServerOptions {
  const { host = "127.0.0.1", port = 0, listen = true, maxTokens = 1_000, tls } = options;
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw invalidOption("port", port, "must be a whole number from 0 to 65535");
  if (!Number.isInteger(maxTokens) || maxTokens < 1)
    throw invalidOption("maxTokens", maxTokens, "must be a whole number from 1");
  return Object.freeze({
    host,
    port,
    listen,
    tls,
    baseUrl: resolveBase(options.baseUrl),
    maxTokens,
    tokenLifetimeMs: duration("tokenLifetimeMs", options.tokenLifetimeMs ?? 60_000),
    streamTimeoutMs: duration("streamTimeoutMs", options.streamTimeoutMs ?? 30_000),
    idleTimeoutMs: duration("idleTimeoutMs", options.idleTimeoutMs ?? 14_400_000),
  });
}

function duration(name: string, value: number): number {
  if (value > 0 && value <= maxTimerMs) return value;
  throw invalidOption(name, value, "must be more than 0 milliseconds, and less than 2^31");
}

function resolveBase(baseUrl: string | URL | undefined): string | undefined {
  if (baseUrl === undefined) return undefined;
  const url = URL.canParse(String(baseUrl)) ? new URL(baseUrl) : undefined;
  if (url?.protocol !== "http:" && url?.protocol !== "https:")
    throw invalidOption("baseUrl", String(baseUrl), "must be an http or https URL");
  return `${url.origin}${url.pathname}`.replace(/\/+$/, "");
}
