import { createSecureContext } from "node:tls";
import { type Backoff, type BackoffOptions, backoff, invalidOption, type TlsOptions } from "../core/index.js";
import type { RpcInterceptor } from "./contract.js";
import { type Endpoint, parseEndpoint } from "./endpoint.js";

/** How the transport behaves; all of it has defaults that suit a runtime on this machine. */
export interface TransportOptions {
  /**
   * The largest message taken from the runtime, in bytes, after decompression. Runtimes send at most 16 MiB
   * (containerd) or 80 MiB (CRI-O).
   * @default 16 MiB, as Kubernetes' own client
   */
  readonly readLimitBytes?: number | undefined;
  /**
   * The largest request sent, in bytes. containerd takes at most 16 MiB.
   * @default 16 MiB
   */
  readonly writeLimitBytes?: number | undefined;
  /**
   * How long one attempt to connect may take until the runtime's HTTP/2 greeting, in milliseconds.
   * @default 5_000
   */
  readonly connectTimeoutMs?: number | undefined;
  /**
   * How often a call tries to connect before it fails with `unavailable`, the first time included. Only calls that
   * never left this process are tried again by this, so it is safe for every RPC.
   * @default 5, which outlasts a restart of about a second
   */
  readonly connectAttempts?: number | undefined;
  /**
   * The pauses between attempts to connect.
   * @default 100 ms growing by 1.6 to 3 s, with 20 % jitter
   */
  readonly backoff?: BackoffOptions | undefined;
  /**
   * Functions around every call, outermost first; Connect's interceptors fit.
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
/** gRPC's length prefix has four bytes, and a Buffer of 2 GiB is the most Node 20 reads in one piece. */
const maxLimitBytes = 2 ** 31 - 1;

/** Fills in the defaults and checks every value. Throws `invalid_option` or `invalid_endpoint`. */
export function resolveTransportOptions(
  endpoint: string | Endpoint,
  options: TransportOptions = {},
): ResolvedTransportOptions {
  const parsed = typeof endpoint === "string" ? parseEndpoint(endpoint) : endpoint;
  if (parsed.kind === "tcp" && parsed.tls) checkTls(options.tls ?? {});
  return Object.freeze({
    endpoint: parsed,
    readLimitBytes: wholeNumber(
      "readLimitBytes",
      options.readLimitBytes ?? defaultLimitBytes,
      1,
      maxLimitBytes,
    ),
    writeLimitBytes: wholeNumber(
      "writeLimitBytes",
      options.writeLimitBytes ?? defaultLimitBytes,
      1,
      maxLimitBytes,
    ),
    connectTimeoutMs: wholeNumber("connectTimeoutMs", options.connectTimeoutMs ?? 5_000, 1, maxLimitBytes),
    connectAttempts: wholeNumber("connectAttempts", options.connectAttempts ?? 5, 1, 1_000),
    backoff: backoff(options.backoff),
    interceptors: Object.freeze([...(options.interceptors ?? [])]),
    tls: Object.freeze({ ...options.tls }),
    userAgent: headerText("userAgent", options.userAgent ?? "cri-sdk"),
  });
}

/** Certificates and keys that cannot be used would look like a runtime that is away. */
function checkTls(tls: TlsOptions): void {
  try {
    createSecureContext(tls);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw invalidOption("tls", "(not shown)", `cannot be used: ${why}`);
  }
}

function headerText(name: string, value: string): string {
  if (/^[\x20-\x7e]+$/.test(value)) return value;
  throw invalidOption(name, value, "must be printable ASCII");
}

function wholeNumber(name: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw invalidOption(name, value, `must be a whole number from ${min} to ${max}`);
}
