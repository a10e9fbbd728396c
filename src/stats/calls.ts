import { setMaxListeners } from "node:events";
import {
  type CallOptions,
  checkTimeout,
  countdown,
  linkedController,
  sleep,
  withDeadline,
} from "../core/index.js";

/**
 * The default deadline of one reading or page, in milliseconds. CRI-O's lists hang while it removes a container, and all other objects
 * are to be read all the same, well within an interval of Prometheus.
 */
const defaultTimeoutMs = 20_000;

/** Starts a deadline for several calls. Returns the options of the next call: its deadline is the remaining time. Throws `invalid_option`. */
export function sharedDeadline(options: CallOptions): () => CallOptions {
  const remainingMs = countdown(checkTimeout(options.timeoutMs ?? defaultTimeoutMs));
  return () => ({ ...options, timeoutMs: remainingMs() ?? 0 });
}

/** Waits between two readings. Rejects with the error of the caller's signal, or of the client's when it is closed. */
export function pause(ms: number, signal: AbortSignal | undefined, closing: AbortSignal): Promise<void> {
  return withDeadline({ signal }, (stop) => sleep(ms, stop), closing);
}

/** Runs tasks concurrently. When one fails, cancels the others, waits for their end, and rejects with its error. */
export async function allOrAbort<T extends readonly unknown[]>(
  signal: AbortSignal | undefined,
  tasks: { readonly [I in keyof T]: (signal: AbortSignal) => Promise<T[I]> },
): Promise<T> {
  const controller = linkedController(signal);
  // Each task adds listeners, and Node warns above ten.
  setMaxListeners(0, controller.signal);
  const running = tasks.map((task) => task(controller.signal));
  try {
    // Promise.all keeps the order; `map` only loses the tuple type.
    return (await Promise.all(running)) as unknown as T;
  } catch (error) {
    controller.abort(error);
    await Promise.allSettled(running);
    throw error;
  } finally {
    controller.unlink();
  }
}
