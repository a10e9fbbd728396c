import { isError, isPromiseLike } from "../core/index.js";

/** The warnings of this process so far: a callback that always throws is called hundreds of times. */
const warned = new Set<string>();
const maxWarned = 1_000;

/**
 * Calls a callback of the user of a kubelet. What it throws, or rejects with, must not end the kubelet: it becomes a warning of the process,
 * `KubeletCallbackWarning`, once for each error.
 */
export function callSafely(what: string, call: () => unknown): void {
  const warn = (error: unknown) => {
    const text = isError(error) ? (error.stack ?? error.message) : String(error);
    const warning = `${what} threw: ${text}`;
    if (warned.has(warning) || warned.size >= maxWarned) return;
    warned.add(warning);
    process.emitWarning(warning, { type: "KubeletCallbackWarning" });
  };
  try {
    const result = call();
    if (isPromiseLike(result)) Promise.resolve(result).catch(warn);
  } catch (error) {
    warn(error);
  }
}
