import type { ConnectionOptions } from "node:tls";

/** Extra request headers (gRPC metadata): a plain object, or an iterable of pairs such as `Headers`. */
export type HeadersInput = Readonly<Record<string, string>> | Iterable<readonly [string, string]>;

/** Options that every call takes as its last argument. */
export interface CallOptions {
  /**
   * Cancels the call when it fires: the call rejects with reason `aborted_by_caller`, or `deadline` for `AbortSignal.timeout()`.
   * The runtime receives the cancellation, but may finish work it has begun (see docs/errors.md).
   */
  readonly signal?: AbortSignal | undefined;
  /**
   * The call's deadline in milliseconds, retries included. It is sent to the runtime as `grpc-timeout`.
   * 0 and Infinity mean no deadline.
   * @default per RPC, from the table of RPCs: two minutes for most, as in the kubelet
   */
  readonly timeoutMs?: number | undefined;
  /**
   * Extra request headers.
   * @default none
   */
  readonly headers?: HeadersInput | undefined;
}

/** Node's TLS options: `ca`, `cert`, `key`, `servername`, `rejectUnauthorized`. */
export type TlsOptions = Pick<ConnectionOptions, "ca" | "cert" | "key" | "servername" | "rejectUnauthorized">;
