import {
  create,
  type DescMessage,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import {
  type CallOptions,
  CriError,
  type HeadersInput,
  isLeft,
  stoppedError,
  untilBreak,
} from "../core/index.js";
import { isTraced, traceStream, traceUnary, withoutCredentials } from "../observe/index.js";
import {
  fromTransportError,
  policy,
  type Retry,
  type RpcHeadersInit,
  type RpcName,
  type RpcRequest,
  type RpcTransport,
  withRetry,
} from "../transport/index.js";
import { countdown, timeoutOf } from "./deadline.js";
import { isExecTimeout, isSuccess, normalizeError } from "./differences.js";
import { preflight, withUserSpecifiedImage } from "./preflight/index.js";
import { checkResponse } from "./responses.js";

/** What the two clients of one connection share. */
export interface CallerSettings {
  readonly transport: RpcTransport;
  /** The endpoint as a URL, for errors. */
  readonly endpoint: string;
  readonly retry: Retry;
  /** Whether requests are checked before they are sent. */
  readonly preflight: boolean;
  /** Whether the runtimes' ways of saying one thing become one way, and answers are held to CRI's promises. */
  readonly normalize: boolean;
  /** RPCs that this runtime answered Unimplemented to. */
  readonly unimplemented: Set<RpcName>;
}

/** Makes calls: preflight, deadline and retry by the policy table, one vocabulary of errors, checked answers. */
export class Caller {
  readonly #settings: CallerSettings;

  constructor(settings: CallerSettings) {
    this.#settings = settings;
  }

  unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    input: MessageInitShape<I>,
    options: CallOptions = {},
  ): Promise<MessageShape<O>> {
    if (!isTraced()) return this.#unary(method, input, options);
    const call = { method, input, endpoint: this.#settings.endpoint };
    return traceUnary(call, (trace) => this.#unary(method, input, options, trace));
  }

  async #unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    input: MessageInitShape<I>,
    options: CallOptions,
    trace?: { attempts: number },
  ): Promise<MessageShape<O>> {
    const { transport, retry } = this.#settings;
    const name = nameOf(method);
    const { signal } = options;
    let request: MessageShape<I> | undefined;
    try {
      request = this.#prepare(method, name, input);
      const remainingMs = countdown(timeoutOf(name, request, options));
      const header = headersOf(options.headers);
      const sent = request;
      const attempt = async () => {
        if (trace) trace.attempts++;
        try {
          const { message } = await transport.unary(method, signal, remainingMs(), header, sent);
          return this.#accepted(name, message);
        } catch (error) {
          throw this.#failed(method, name, error, signal);
        }
      };
      if (policy[name].retry === "never") return await attempt();
      return await withRetry(retry, signal, attempt, remainingMs);
    } catch (error) {
      const failure = this.#failed(method, name, error, signal);
      if (this.#settings.normalize && isSuccess(name, failure)) return create(method.output);
      throw request ? withoutCredentials(failure, method.input, request) : failure;
    }
  }

  stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodServerStreaming<I, O>,
    input: MessageInitShape<I>,
    options: CallOptions = {},
  ): ServerStream<MessageShape<O>> {
    const open = (signal: AbortSignal): AsyncIterable<MessageShape<O>> => {
      const messages = this.#messages(method, input, signal, options);
      if (!isTraced()) return messages;
      const call = { method, input, endpoint: this.#settings.endpoint };
      return traceStream(call, messages, () => isLeft(signal));
    };
    return untilBreak(open, options.signal);
  }

  async *#messages<I extends DescMessage, O extends DescMessage>(
    method: DescMethodServerStreaming<I, O>,
    input: MessageInitShape<I>,
    signal: AbortSignal,
    options: CallOptions,
  ): AsyncGenerator<MessageShape<O>> {
    const name = nameOf(method);
    try {
      const request = this.#prepare(method, name, input);
      const timeoutMs = timeoutOf(name, request, options);
      const header = headersOf(options.headers);
      const answer = await this.#settings.transport.stream(method, signal, timeoutMs, header, only(request));
      for await (const message of answer.message) yield this.#accepted(name, message);
    } catch (error) {
      throw this.#failed(method, name, error, signal);
    }
  }

  /** The complete request, checked. */
  #prepare<I extends DescMessage>(
    method: { readonly input: I; readonly name: string },
    name: RpcName,
    input: MessageInitShape<I>,
  ): MessageShape<I> {
    const message = create(method.input, input);
    if (!this.#settings.preflight) return message;
    preflight(name, request(message));
    if (name !== "createContainer") return message;
    return withUserSpecifiedImage(
      request<"createContainer">(message),
    ) as MessageShape<DescMessage> as MessageShape<I>;
  }

  #accepted<M>(name: RpcName, message: M): M {
    if (!this.#settings.normalize) return message;
    // The tables are indexed by the RPC's name, whose message this is; the compiler cannot follow a name at run time.
    checkResponse(name, message as never);
    if (name === "execSync" && isExecTimeout(message as never))
      throw new CriError({
        code: "deadline_exceeded",
        reason: "exec_timeout",
        text: "the command's timeout passed",
      });
    return message;
  }

  #failed(
    method: { readonly name: string },
    name: RpcName,
    error: unknown,
    signal: AbortSignal | undefined,
  ): CriError {
    const { endpoint, normalize, unimplemented } = this.#settings;
    if (error instanceof CriError && error.method !== undefined) return error;
    const where = { method: method.name, endpoint };
    const failure = fromTransportError(error, where);
    // What comes back may be another release, which has more.
    if (failure.code === "unavailable") unimplemented.clear();
    // Another transport than ours tells of our own signal in words of its own.
    if (signal?.aborted && failure.reason === "runtime_error" && failure.code === "canceled")
      return stoppedError(signal).with(where);
    if (failure.code === "unimplemented" && failure.reason === "runtime_error") {
      const named = normalizeError(name, failure);
      if (named.reason === "unimplemented") unimplemented.add(name);
      return normalize ? named : failure;
    }
    return normalize ? normalizeError(name, failure) : failure;
  }
}

/** The answer of a server-streaming RPC: ends the call when the loop is left; `await using` works, too. */
export type ServerStream<T> = AsyncIterableIterator<T> & AsyncDisposable;

// Only methods of CRI's two services come here, and the policy table has a line for each.
function nameOf(method: { readonly localName: string }): RpcName {
  return method.localName as RpcName;
}

// The message was made from the method that the name belongs to; the compiler cannot follow a name at run time.
function request<N extends RpcName>(message: unknown): RpcRequest<N> {
  return message as RpcRequest<N>;
}

function headersOf(headers: HeadersInput | undefined): RpcHeadersInit | undefined {
  if (headers === undefined) return undefined;
  return Symbol.iterator in headers
    ? Array.from(headers, ([name, value]): [string, string] => [name, value])
    : { ...headers };
}

async function* only<T>(message: T): AsyncGenerator<T> {
  yield message;
}
