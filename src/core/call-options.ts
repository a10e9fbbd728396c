/** Extra request headers (gRPC metadata): a plain object, or anything that iterates over pairs, such as `Headers`. */
export type HeadersInput = Readonly<Record<string, string>> | Iterable<readonly [string, string]>;

/** Options that every call takes as its last argument. */
export interface CallOptions {
  /**
   * Ends the call when it fires: reason `aborted_by_caller`, or `deadline` for `AbortSignal.timeout()`. The
   * runtime hears of it, but work it has begun may go on (see docs/errors.md).
   */
  readonly signal?: AbortSignal | undefined;
  /**
   * The call's deadline in milliseconds, retries included. It travels to the runtime as `grpc-timeout`.
   * 0 and Infinity mean no deadline.
   * @default per RPC, from the policy table: two minutes for most, as the kubelet does
   */
  readonly timeoutMs?: number | undefined;
  /**
   * Extra request headers.
   * @default none
   */
  readonly headers?: HeadersInput | undefined;
}
