import type { Message } from "@bufbuild/protobuf";
import { type CriError, isLeft } from "../core/index.js";
import {
  endpointOf,
  fromTransportError,
  type RpcNext,
  type RpcStreamRequest,
  type RpcStreamResponse,
  type RpcUnaryRequest,
  type RpcUnaryResponse,
} from "../transport/index.js";

/** How a call ended. `left`: the reader of a stream left it, which is how endless ones end. */
export type RpcEnd = "complete" | "left" | "failed";

/** What was seen of a call when it was over. */
export interface CallEnd {
  readonly kind: RpcEnd;
  /** Why it failed; undefined unless it did. */
  readonly error: CriError | undefined;
  /** The request; undefined where a stream ended before it was read. */
  readonly request: Message | undefined;
  /** The answer of a unary call that has one. */
  readonly response: Message | undefined;
  /** How many messages came back. */
  readonly messages: number;
}

/** Who hears of a call. */
export interface CallWatcher {
  /** A message of a stream came; `count` with it. */
  onMessage?(count: number): void;
  /** The call is over; heard once. */
  onEnd(end: CallEnd): void;
}

type AnyRequest = RpcUnaryRequest | RpcStreamRequest;
type AnyResponse = RpcUnaryResponse | RpcStreamResponse;

/**
 * Makes a call as an interceptor does, and tells a watcher of it. What the call gives or throws stays as it is, also
 * when the watcher throws.
 */
export async function watchCall(
  next: RpcNext,
  request: AnyRequest,
  watcher: CallWatcher,
): Promise<AnyResponse> {
  const record = new Recorder(request, watcher);
  try {
    if (!request.stream) {
      const answer = await next(request);
      // A unary call has a unary answer; the types of the chain allow both.
      if (!answer.stream) record.answered(answer.message as Message);
      return answer;
    }
    const answer = await next({
      ...request,
      message: record.sent(request.message as AsyncIterable<Message>),
    });
    if (!answer.stream) return answer;
    return { ...answer, message: record.received(answer.message as AsyncIterable<Message>) };
  } catch (error) {
    record.failed(error);
    throw error;
  }
}

class Recorder {
  readonly #call: AnyRequest;
  readonly #watcher: CallWatcher;
  #request: Message | undefined;
  #messages = 0;
  #over = false;

  constructor(call: AnyRequest, watcher: CallWatcher) {
    this.#call = call;
    this.#watcher = watcher;
    if (!call.stream) this.#request = call.message;
  }

  answered(response: Message): void {
    this.#messages = 1;
    this.#end("complete", { response });
  }

  failed(thrown: unknown): void {
    const { method, contextValues, signal } = this.#call;
    // A stream that is left while it waits for a message ends with an error that nobody sees.
    if (isLeft(signal)) this.#end("left");
    const where = { method: method.name, endpoint: endpointOf(contextValues)?.url };
    this.#end("failed", { error: fromTransportError(thrown, where) });
  }

  /** The messages of a request on their way; CRI's streams have one. */
  async *sent(messages: AsyncIterable<Message>): AsyncGenerator<never> {
    for await (const message of messages) {
      this.#request ??= message;
      // They go on as they came, with the type that they had.
      yield message as never;
    }
  }

  /** The messages of an answer. No generator: one that is left before its first message would not hear of it. */
  received(messages: AsyncIterable<Message>): AsyncIterableIterator<never> {
    const source = messages[Symbol.asyncIterator]();
    const done = { done: true as const, value: undefined };
    const answers: AsyncIterableIterator<Message<string>> = {
      next: async () => {
        try {
          const result = await source.next();
          if (result.done) this.#end("complete");
          else {
            this.#messages++;
            this.#tell(() => this.#watcher.onMessage?.(this.#messages));
          }
          return result;
        } catch (error) {
          this.failed(error);
          throw error;
        }
      },
      return: async () => {
        this.#end("left");
        await source.return?.();
        return done;
      },
      [Symbol.asyncIterator]: () => answers,
    };
    return answers as AsyncIterableIterator<never>;
  }

  #end(kind: RpcEnd, { error, response }: Partial<Pick<CallEnd, "error" | "response">> = {}): void {
    if (this.#over) return;
    this.#over = true;
    const end = { kind, error, request: this.#request, response, messages: this.#messages };
    this.#tell(() => this.#watcher.onEnd(end));
  }

  #tell(work: () => void): void {
    try {
      work();
    } catch {
      // A log or a tracer that fails is no reason for a call to fail, which has had its effect.
    }
  }
}
