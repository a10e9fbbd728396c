import { type CriError, invalidOption } from "../core/index.js";

/** What a question is answered with when it is answered at all. */
export type Truthy<T> = Exclude<T, false | undefined | null | 0 | "">;

/** An answer that is there at once. A promise is none: it would be truthy, whatever comes of it. */
export type AtOnce<T> = T extends PromiseLike<unknown> ? never : T;

/** Those who wait until something holds. */
export class Waiters {
  readonly #looks = new Set<() => void>();
  #end: CriError | undefined;

  /**
   * Asks now and at each `wake`, until the answer is truthy. Rejects with what `ask` throws, with the signal's reason, with what
   * ended it all, and with `invalid_option` for a promise.
   */
  until<T>(ask: () => T, signal: AbortSignal): Promise<Truthy<T>> {
    return new Promise((resolve, reject) => {
      const settle = (how: () => void) => {
        this.#looks.delete(look);
        signal.removeEventListener("abort", look);
        how();
      };
      const look = () => {
        try {
          if (signal.aborted) return settle(() => reject(signal.reason));
          const answer = ask();
          refusePromise(answer);
          // What is truthy is none of the falsy values.
          if (answer) settle(() => resolve(answer as Truthy<T>));
          else if (this.#end) settle(() => reject(this.#end));
        } catch (error) {
          settle(() => reject(error));
        }
      };
      this.#looks.add(look);
      signal.addEventListener("abort", look, { once: true });
      look();
    });
  }

  wake(): void {
    for (const look of [...this.#looks]) look();
  }

  /** Asks all of them once more, the last time. */
  end(error: CriError): void {
    this.#end = error;
    this.wake();
  }
}

function refusePromise(answer: unknown): void {
  if (!isPromiseLike(answer)) return;
  // Nobody else waits for it: what it rejects with must not end the process.
  if (answer instanceof Promise) answer.catch(() => undefined);
  throw invalidOption("predicate", answer, "must answer at once, not by a promise");
}

function isPromiseLike(answer: unknown): boolean {
  return (
    typeof answer === "object" && answer !== null && "then" in answer && typeof answer.then === "function"
  );
}
