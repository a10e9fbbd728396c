import type { SecureContextOptions, TlsOptions } from "node:tls";
import { invalidOption, OptionTable, option } from "../../core/index.js";

/** Node's TLS options of a server: `cert` and `key`, and `ca` with `requestCert` to require client certificates. */
export type ServerTlsOptions = Pick<
  SecureContextOptions,
  "ca" | "cert" | "key" | "passphrase" | "minVersion"
> &
  Pick<TlsOptions, "requestCert" | "rejectUnauthorized">;

/** Options of {@link createStreamingServer}. The defaults are those of containerd and CRI-O. */
export interface StreamingServerOptions {
  /**
   * The address to listen on. Clients that reach it need a token for each session, and no other credentials.
   * @default "127.0.0.1"
   */
  readonly host?: string | undefined;
  /**
   * The port to listen on; 0 picks a free one.
   * @default 0
   */
  readonly port?: number | undefined;
  /**
   * Whether to listen. With false, pass connections to `handleConnection`, `handleRequest` and `handleUpgrade`.
   * @default true
   */
  readonly listen?: boolean | undefined;
  /** Serves https. Has no effect on connections passed to `handleConnection`, which must be decrypted. */
  readonly tls?: ServerTlsOptions | undefined;
  /**
   * The prefix of the URLs, for a server behind another host name or path. A request's path is matched from
   * `/exec/`, `/attach/` or `/portforward/` on.
   * @default the listening address, with loopback for a wildcard; `http://127.0.0.1` if the server does not listen
   */
  readonly baseUrl?: string | URL | undefined;
  /**
   * How long a URL is valid, in milliseconds.
   * @default 60_000
   */
  readonly tokenLifetimeMs?: number | undefined;
  /**
   * The limit of unused URLs; the next request fails with `resource_exhausted`.
   * @default 1_000
   */
  readonly maxTokens?: number | undefined;
  /**
   * The time limit for a client to open the streams of its session, in milliseconds; then the connection is closed. For a
   * forwarded connection, the time limit until its second stream opens.
   * @default 30_000
   */
  readonly streamTimeoutMs?: number | undefined;
  /**
   * The idle limit of a session: milliseconds without a byte in either direction, pings included. Then the session ends.
   * @default 14_400_000, four hours
   */
  readonly idleTimeoutMs?: number | undefined;
}

/** The options of {@link ServerTlsOptions}. What is in a certificate or a key, Node checks. */
export const serverTlsTable = new OptionTable<ServerTlsOptions>({
  ca: option.any,
  cert: option.any,
  key: option.any,
  passphrase: option.secret,
  minVersion: option.oneOf("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"),
  requestCert: option.boolean,
  rejectUnauthorized: option.boolean,
});

/** The options of {@link StreamingServerOptions}. */
export const streamingServerTable = new OptionTable<StreamingServerOptions>({
  host: option.nonEmptyString,
  port: option.wholeNumber(0, 65_535),
  listen: option.boolean,
  tls: option.nested(serverTlsTable),
  baseUrl: option.url,
  tokenLifetimeMs: option.timerMs,
  maxTokens: option.wholeNumber(1),
  streamTimeoutMs: option.timerMs,
  idleTimeoutMs: option.timerMs,
});

/** {@link StreamingServerOptions} with defaults, validated. */
export interface ResolvedServerOptions extends SessionTimeouts {
  readonly host: string;
  readonly port: number;
  readonly listen: boolean;
  readonly tls: ServerTlsOptions | undefined;
  readonly baseUrl: string | undefined;
  readonly tokenLifetimeMs: number;
  readonly maxTokens: number;
}

/** The time limits of a session. */
export interface SessionTimeouts {
  readonly streamTimeoutMs: number;
  readonly idleTimeoutMs: number;
}

/** Resolves the defaults and validates every option. Throws `invalid_option`. */
export function resolveServerOptions(options: StreamingServerOptions): ResolvedServerOptions {
  streamingServerTable.check("createStreamingServer", options);
  const { host = "127.0.0.1", port = 0, listen = true, maxTokens = 1_000, tls } = options;
  return Object.freeze({
    host,
    port,
    listen,
    tls,
    baseUrl: resolveBase(options.baseUrl),
    maxTokens,
    tokenLifetimeMs: options.tokenLifetimeMs ?? 60_000,
    streamTimeoutMs: options.streamTimeoutMs ?? 30_000,
    idleTimeoutMs: options.idleTimeoutMs ?? 14_400_000,
  });
}

function resolveBase(baseUrl: string | URL | undefined): string | undefined {
  if (baseUrl === undefined) return undefined;
  const url = URL.canParse(String(baseUrl)) ? new URL(baseUrl) : undefined;
  if (url?.protocol !== "http:" && url?.protocol !== "https:")
    throw invalidOption("baseUrl", String(baseUrl), "must be an http or https URL");
  return `${url.origin}${url.pathname}`.replace(/\/+$/, "");
}
