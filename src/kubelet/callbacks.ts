import { isError, isPromiseLike } from "../core/index.js";

/**
 * Calls a callback of the user of a kubelet. What it throws, or rejects with, must not end the kubelet: it becomes a warning of the process,
 * `KubeletCallbackWarning`.
 */
export function callSafely(what: string, call: () => unknown): void {
  const warn = (error: unknown) => {
    const text = isError(error) ? (error.stack ?? error.message) : String(error);
    process.emitWarning(`${what} threw: ${text}`, { type: "KubeletCallbackWarning" });
  };
  try {
    const result = call();
    if (isPromiseLike(result)) Promise.resolve(result).catch(warn);
  } catch (error) {
    warn(error);
  }
}
