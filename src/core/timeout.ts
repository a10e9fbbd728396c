import { invalidOption } from "./errors.js";

/** The milliseconds of a `timeoutMs` option; undefined for none, which 0 and Infinity mean. Throws `invalid_option`. */
export function checkTimeout(timeoutMs: number | undefined): number | undefined {
  if (timeoutMs !== undefined && !(timeoutMs >= 0))
    throw invalidOption("timeoutMs", timeoutMs, "must be 0 (none) or more milliseconds");
  return timeoutMs === 0 || timeoutMs === Number.POSITIVE_INFINITY ? undefined : timeoutMs;
}
