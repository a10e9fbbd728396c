import { createSecureContext } from "node:tls";
import {
  type Backoff,
  type BackoffOptions,
  backoff,
  backoffTable,
  invalidOption,
  messageOf,
  OptionTable,
  option,
  type TlsOptions,
  tlsTable,
} from "../core/index.js";
import type { RpcInterceptor } from "./contract.js";
import { type Endpoint, parseEndpoint } from "./endpoint.js";

/** Options of the transport; the defaults suit a runtime on this machine. */
export interface TransportOptions {
  /**
   * The largest message accepted from the runtime, in bytes, after decompression. Runtimes send at most 16 MiB (containerd) or
   * 80 MiB (CRI-O).
   * @default 16 MiB, as in Kubernetes' own client
   */
  readonly readLimitBytes?: number | undefined;
  /**
   * The largest request sent, in bytes. containerd accepts at most 16 MiB.
   * @default 16 MiB
   */
  readonly writeLimitBytes?: number | undefined;
  /**
   * The timeout of one attempt to connect, until the runtime's HTTP/2 SETTINGS arrive, in milliseconds.
   * @default 5_000
   */
  readonly connectTimeoutMs?: number | undefined;
  /**
   * How often a call attempts to connect before it fails with `unavailable`, the first attempt included. This is safe for every
   * RPC, because the call has not left this process.
   * @default 5, which covers a restart of about a second
   */
  readonly connectAttempts?: number | undefined;
  /**
   * The delays between attempts to connect.
   * @default 100 ms growing by 1.6 to 3 s, with 20 % jitter
   */
  readonly backoff?: BackoffOptions | undefined;
  /**
   * Interceptors of every call, outermost first; Connect's interceptors are accepted.
   * @default none
   */
  readonly interceptors?: readonly RpcInterceptor[] | undefined;
  /**
   * TLS, for `https://` endpoints only.
   * @default the system's certificate authorities
   */
  readonly tls?: TlsOptions | undefined;
  /**
   * The `user-agent` header.
   * @default "cri-sdk"
   */
  readonly userAgent?: string | undefined;
}

/** gRPC's length prefix has four bytes, and Node 20 reads at most a Buffer of 2 GiB at once. */
const maxLimitBytes = 2 ** 31 - 1;

/** The options of {@link TransportOptions}. */
export const transportTable = new OptionTable<TransportOptions>({
  readLimitBytes: option.wholeNumber(1, maxLimitBytes),
  writeLimitBytes: option.wholeNumber(1, maxLimitBytes),
  connectTimeoutMs: option.wholeNumber(1, maxLimitBytes),
  connectAttempts: option.wholeNumber(1, 1_000),
  backoff: option.nested(backoffTable),
  interceptors: option.listOf(option.callback),
  tls: option.nested(tlsTable),
  userAgent: (value) =>
    typeof value === "string" && /^[\x20-\x7e]+$/.test(value) ? undefined : "must be printable ASCII",
});

/** {@link TransportOptions}, complete and checked. */
export interface ResolvedTransportOptions {
  readonly endpoint: Endpoint;
  readonly readLimitBytes: number;
  readonly writeLimitBytes: number;
  readonly connectTimeoutMs: number;
  readonly connectAttempts: number;
  readonly backoff: Backoff;
  readonly interceptors: readonly RpcInterceptor[];
  readonly tls: TlsOptions;
  readonly userAgent: string;
}

const defaultLimitBytes = 16 * 2 ** 20;

/** Fills in the defaults of options that {@link transportTable} has checked. Throws `invalid_option` or `invalid_endpoint`. */
export function resolveTransportOptions(
  endpoint: string | Endpoint,
  options: TransportOptions = {},
): ResolvedTransportOptions {
  const parsed = typeof endpoint === "string" ? parseEndpoint(endpoint) : endpoint;
  if (parsed.kind === "tcp" && parsed.tls) checkTls(options.tls ?? {});
  return Object.freeze({
    endpoint: parsed,
    readLimitBytes: options.readLimitBytes ?? defaultLimitBytes,
    writeLimitBytes: options.writeLimitBytes ?? defaultLimitBytes,
    connectTimeoutMs: options.connectTimeoutMs ?? 5_000,
    connectAttempts: options.connectAttempts ?? 5,
    backoff: backoff(options.backoff),
    interceptors: Object.freeze([...(options.interceptors ?? [])]),
    tls: Object.freeze({ ...options.tls }),
    userAgent: options.userAgent ?? "cri-sdk",
  });
}

/** Checks certificates and keys, because invalid ones would otherwise be reported as an unreachable runtime. */
function checkTls(tls: TlsOptions): void {
  try {
    createSecureContext(tls);
  } catch (cause) {
    const why = messageOf(cause);
    throw invalidOption("tls", "(not shown)", `cannot be used: ${why}`);
  }
}
