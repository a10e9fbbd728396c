/** How something is waited for. */
export interface NodeWaitOptions {
  /** Ends the waiting: reason `aborted_by_caller`, or `deadline` for `AbortSignal.timeout()`. */
  readonly signal?: AbortSignal | undefined;
  /**
   * How long to wait, in milliseconds; then it rejects with `deadline`, whose cause is what the connection ended with if there
   * is none. 0 for no limit; less is refused with `invalid_option`.
   * @default 0
   */
  readonly timeoutMs?: number | undefined;
}
