import { type CriError, invalidOption, isPromiseLike, onAbort } from "../core/index.js";
import type { Truthy } from "./node-watch.js";

/**
 * Pending waits for a predicate. All predicates are evaluated synchronously at each change, so that no state between two changes is
 * missed.
 */
export class PredicateWaits {
  readonly #evaluations = new Set<() => void>();
  #end: CriError | undefined;

  /**
   * Evaluates `predicate` now and at each {@link evaluate} until its result is truthy. Rejects with the error that it throws, with the
   * signal's reason, with the error of {@link end}, and with `invalid_option` for a promise.
   */
  until<T>(predicate: () => T, signal: AbortSignal): Promise<Truthy<T>> {
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void) => {
        this.#evaluations.delete(evaluate);
        removeCallback();
        settle();
      };
      const evaluate = () => {
        try {
          const result = predicate();
          refusePromise(result);
          // Not one of the falsy values, as the type says.
          if (result) finish(() => resolve(result as Truthy<T>));
          else if (this.#end) finish(() => reject(this.#end));
        } catch (error) {
          finish(() => reject(error));
        }
      };
      if (signal.aborted) return reject(signal.reason);
      const removeCallback = onAbort(signal, () => finish(() => reject(signal.reason)));
      this.#evaluations.add(evaluate);
      evaluate();
    });
  }

  evaluate(): void {
    for (const evaluate of [...this.#evaluations]) evaluate();
  }

  /** Evaluates all predicates for the last time; pending and later waits reject with the error. */
  end(error: CriError): void {
    this.#end = error;
    this.evaluate();
  }
}

function refusePromise(result: unknown): void {
  if (!isPromiseLike(result)) return;
  // Avoids an unhandled rejection: no other code awaits this promise.
  Promise.resolve(result).catch(() => undefined);
  throw invalidOption("predicate", result, "must be synchronous, but returned a promise");
}
