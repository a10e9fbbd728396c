import { type CallOptions, checkTimeout } from "../core/index.js";
import { defaultTimeoutMs, type RpcName, type RpcRequest } from "../transport/index.js";

/** What is left of a deadline in milliseconds, at least 1, each time it is asked; undefined for no deadline. */
export type RemainingMs = () => number | undefined;

/** The deadline of a call in milliseconds: the caller's, else the policy table's. Throws `invalid_option`. */
export function timeoutOf(
  name: RpcName,
  request: unknown,
  { timeoutMs }: Pick<CallOptions, "timeoutMs">,
): number | undefined {
  // The message was made from the method that the name belongs to; the compiler cannot follow a name at run time.
  if (timeoutMs === undefined) return defaultTimeoutMs(name, request as RpcRequest<typeof name>);
  return checkTimeout(timeoutMs);
}

/** Starts the clock of a deadline that several attempts share. */
export function countdown(timeoutMs: number | undefined): RemainingMs {
  if (timeoutMs === undefined) return () => undefined;
  const endsAt = performance.now() + timeoutMs;
  let first = true;
  return () => {
    if (!first) return Math.max(1, Math.ceil(endsAt - performance.now()));
    first = false;
    return Math.ceil(timeoutMs);
  };
}
