import { type CriError, isCriError } from "../core/index.js";
import { toStatusError } from "./dispatch.js";
import type { CallContext } from "./implementation.js";
import type { ObservedCall } from "./proxy-options.js";

/** Tells an observer how a call went. */
export class Witness {
  readonly #observe: (call: ObservedCall) => void;
  readonly #method: string;
  readonly #request: unknown;
  readonly #context: CallContext;
  readonly #began = performance.now();
  #messages = 0;

  constructor(observe: (call: ObservedCall) => void, method: string, request: unknown, context: CallContext) {
    this.#observe = observe;
    this.#method = method;
    this.#request = request;
    this.#context = context;
  }

  async unary<T>(work: () => T | Promise<T>): Promise<T> {
    try {
      const answer = await work();
      this.#messages = 1;
      this.#tell(answer, undefined);
      return answer;
    } catch (error) {
      this.#tell(undefined, toStatusError(error));
      throw error;
    }
  }

  async *stream<T>(messages: () => AsyncIterable<T>): AsyncGenerator<T> {
    let failure: CriError | undefined;
    try {
      for await (const message of messages()) {
        this.#messages++;
        yield message;
      }
    } catch (error) {
      failure = toStatusError(error);
      throw error;
    } finally {
      this.#tell(undefined, failure);
    }
  }

  #tell(answer: unknown, failure: CriError | undefined): void {
    const { signal, peer } = this.#context;
    // A call that was over before its handler: the client was told that.
    const error = signal.aborted && isCriError(signal.reason) ? signal.reason : failure;
    const call = {
      method: this.#method,
      request: this.#request,
      answer: error ? undefined : answer,
      messages: error && answer !== undefined ? 0 : this.#messages,
      error,
      durationMs: performance.now() - this.#began,
      peer,
    };
    // The types of an RPC's messages go with its name, which is looked up as this one was.
    const observe = async () => this.#observe(call as ObservedCall);
    // One that throws, at once or later, harms nobody.
    observe().catch(() => undefined);
  }
}
