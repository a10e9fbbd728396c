import type { Message } from "@bufbuild/protobuf";
import { type CriError, isConsumerReturn } from "../core/index.js";
import {
  endpointOf,
  fromTransportError,
  type RpcNext,
  type RpcStreamRequest,
  type RpcStreamResponse,
  type RpcUnaryRequest,
  type RpcUnaryResponse,
} from "../transport/index.js";

/** How a call ended. `stopped`: the consumer stopped reading the stream, which is the usual end of an event stream. */
export type RpcEnd = "complete" | "stopped" | "failed";

/** The end of a call, as an interceptor observed it. */
export interface CallEnd {
  readonly kind: RpcEnd;
  /** The error of a failed call; otherwise undefined. */
  readonly error: CriError | undefined;
  /** The request; undefined if a stream ended before the request was read. */
  readonly request: Message | undefined;
  /** The response of a successful unary call. */
  readonly response: Message | undefined;
  /** The number of response messages. */
  readonly messages: number;
}

/** Callbacks for a call. */
export interface CallObserver {
  /** Called for each message of a stream; `count` includes it. */
  onMessage?(count: number): void;
  /** Called exactly once, last. */
  onEnd(end: CallEnd): void;
}

type AnyRequest = RpcUnaryRequest | RpcStreamRequest;
type AnyResponse = RpcUnaryResponse | RpcStreamResponse;

/**
 * Makes a call as an interceptor does, and notifies an observer. The response and the error are passed on unchanged, also if the
 * observer throws.
 */
export async function observeCall(
  next: RpcNext,
  request: AnyRequest,
  observer: CallObserver,
): Promise<AnyResponse> {
  const record = new Recorder(request, observer);
  try {
    if (!request.stream) {
      const response = await next(request);
      // A unary call has a unary response; the types of the chain allow both.
      if (!response.stream) record.responded(response.message as Message);
      return response;
    }
    const response = await next({
      ...request,
      message: record.sent(request.message as AsyncIterable<Message>),
    });
    if (!response.stream) return response;
    return { ...response, message: record.received(response.message as AsyncIterable<Message>) };
  } catch (error) {
    record.failed(error);
    throw error;
  }
}

class Recorder {
  readonly #call: AnyRequest;
  readonly #observer: CallObserver;
  #request: Message | undefined;
  #messages = 0;
  #isOver = false;

  constructor(call: AnyRequest, observer: CallObserver) {
    this.#call = call;
    this.#observer = observer;
    if (!call.stream) this.#request = call.message;
  }

  responded(response: Message): void {
    this.#messages = 1;
    this.#end("complete", { response });
  }

  failed(thrown: unknown): void {
    const { method, contextValues, signal } = this.#call;
    // If the consumer stops reading while a message is pending, the stream ends with an error that no caller sees.
    if (isConsumerReturn(signal)) this.#end("stopped");
    const where = { method: method.name, endpoint: endpointOf(contextValues)?.url };
    this.#end("failed", { error: fromTransportError(thrown, where) });
  }

  /** Passes on the request messages of a stream; those of CRI have one. */
  async *sent(messages: AsyncIterable<Message>): AsyncGenerator<never> {
    for await (const message of messages) {
      this.#request ??= message;
      // Passed on unchanged, with the type that it had.
      yield message as never;
    }
  }

  /** Passes on the messages of a response. Not a generator: a generator does not run `return()` before its first `next()`. */
  received(messages: AsyncIterable<Message>): AsyncIterableIterator<never> {
    const source = messages[Symbol.asyncIterator]();
    const done = { done: true as const, value: undefined };
    const passedOn: AsyncIterableIterator<Message<string>> = {
      next: async () => {
        try {
          const result = await source.next();
          if (result.done) this.#end("complete");
          else {
            this.#messages++;
            this.#notify(() => this.#observer.onMessage?.(this.#messages));
          }
          return result;
        } catch (error) {
          this.failed(error);
          throw error;
        }
      },
      return: async () => {
        this.#end("stopped");
        await source.return?.();
        return done;
      },
      [Symbol.asyncIterator]: () => passedOn,
    };
    return passedOn as AsyncIterableIterator<never>;
  }

  #end(kind: RpcEnd, { error, response }: Partial<Pick<CallEnd, "error" | "response">> = {}): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const end = { kind, error, request: this.#request, response, messages: this.#messages };
    this.#notify(() => this.#observer.onEnd(end));
  }

  #notify(callback: () => void): void {
    try {
      callback();
    } catch {
      // An observer that throws must not fail a call that has taken effect.
    }
  }
}
