import { CancellationScope, criError, isCriError, messageOf } from "../core/index.js";
import { startTimeout } from "./errors.js";
import type { StreamingOptions, StreamingUrl } from "./options.js";
import { resolveUrl } from "./url.js";

/** Returns the URL to connect to. An error of the caller's own function becomes the cause of `unreachable`. */
export async function requestUrl(
  source: StreamingUrl,
  options: Pick<StreamingOptions, "baseUrl" | "rewriteUrl">,
  scope: CancellationScope,
): Promise<URL> {
  if (typeof source === "string") return resolveUrl(source, options);
  const controller = new AbortController();
  try {
    return resolveUrl(await scope.race(callSource(source, controller.signal)), options);
  } finally {
    // Cancels the RPC when the scope was stopped before the response.
    if (scope.stopped) controller.abort(scope.stopped);
  }
}

async function callSource(source: Exclude<StreamingUrl, string>, signal: AbortSignal): Promise<string> {
  try {
    return await source({ signal });
  } catch (cause) {
    // An error of an RPC already has its code and reason.
    if (isCriError(cause)) throw cause;
    const message = messageOf(cause);
    throw criError("unreachable", `the streaming URL could not be requested: ${message}`, { cause });
  }
}

/** Runs work that the streaming server must complete within `ms` milliseconds. Otherwise rejects with `start_timeout`. */
export async function withStartTimeout<T>(
  ms: number,
  operation: string,
  outer: CancellationScope,
  work: (scope: CancellationScope) => Promise<T>,
): Promise<T> {
  const inner = new CancellationScope(undefined, undefined);
  const timer = setTimeout(() => inner.stop(startTimeout(operation, ms)), ms);
  outer.onStop({ cancel: (error) => inner.stop(error) });
  try {
    if (outer.stopped) throw outer.stopped;
    return await work(inner);
  } finally {
    clearTimeout(timer);
    outer.onStop(undefined);
    inner.end();
  }
}
