import { type CancellationScope, criError } from "../../core/index.js";
import { toConnectError } from "../../transport/index.js";

/** The messages of a replayed call. Leaving the loop ends it, also before the first message and while one is awaited. */
export class ReplayedStream<T> implements AsyncIterableIterator<T> {
  readonly #controller = new AbortController();
  readonly #messages: AsyncGenerator<T>;
  readonly #onEnd: () => void;
  #isLeft = false;

  /** @param play returns the messages; its signal fires when the call is stopped, or left by its caller */
  constructor(play: (signal: AbortSignal) => AsyncGenerator<T>, scope: CancellationScope, onEnd: () => void) {
    scope.onStop({ cancel: (error) => this.#controller.abort(error) });
    this.#messages = play(this.#controller.signal);
    this.#onEnd = onEnd;
  }

  async next(): Promise<IteratorResult<T>> {
    try {
      const result = await this.#messages.next();
      if (result.done) this.#onEnd();
      return result;
    } catch (error) {
      this.#onEnd();
      if (this.#isLeft) return { done: true, value: undefined };
      throw toConnectError(error);
    }
  }

  async return(): Promise<IteratorResult<T>> {
    this.#isLeft = true;
    this.#onEnd();
    this.#controller.abort(criError("aborted_by_caller", "the caller stopped reading the stream"));
    void this.#messages.return(undefined).catch(() => undefined);
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
