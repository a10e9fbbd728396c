import {
  create,
  type DescMessage,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { RuntimeService } from "../../gen/runtime/v1/api_pb.js";
import {
  abortError,
  type CallOptions,
  CriError,
  callOptionsTable,
  cancelOnReturn,
  countdown,
  type HeadersInput,
  isConsumerReturn,
  type LinkedController,
  linkedController,
  onAbort,
} from "../core/index.js";
import { isTraced, traceStream, traceUnary, withoutCredentials } from "../observe/index.js";
import {
  fromTransportError,
  type RpcHeadersInit,
  type RpcName,
  type RpcTransport,
} from "../transport/index.js";
import { normalizeError } from "./normalize-errors.js";
import { checkFields } from "./request-fields.js";
import type { SilentFailure } from "./responses.js";
import { Retries, type Retry } from "./retry.js";
import { checkRequest, checkResponse, type RpcRow, rowOf, timeoutOf } from "./rpcs.js";

/** The settings that both clients of a connection share. */
export interface CallerSettings {
  readonly transport: RpcTransport;
  /** The endpoint as a URL, for errors. */
  readonly endpoint: string;
  readonly retry: Retry;
  /** Whether requests are checked before they are sent. */
  readonly preflight: boolean;
  /** Whether runtime-specific errors are normalized and responses validated. */
  readonly normalize: boolean;
  /** The RPCs that this runtime answered Unimplemented to. */
  readonly unimplemented: Set<RpcName>;
  /** Fires when the client is closed, with `client_closed` as its reason. */
  readonly closing: AbortSignal;
  /** Whether closing the client closes the transport, which then ends the calls in flight itself. */
  readonly ownsTransport: boolean;
}

/** The part of a method's descriptor that both kinds of calls use. */
interface CalledMethod<I extends DescMessage, O extends DescMessage> {
  readonly name: string;
  readonly localName: string;
  readonly input: I;
  readonly output: O;
}

/** Makes calls by the table of RPCs: preflight, deadline, retry, normalized errors, checked responses. */
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
    const { transport, retry, closing, normalize } = this.#settings;
    const row = rowOf(method);
    const link = this.#linkToClient(signalOf(options));
    const signal = link ? link.signal : signalOf(options);
    let request: MessageShape<I> | undefined;
    try {
      closing.throwIfAborted();
      callOptionsTable.check("", options);
      request = this.#prepare(row, method, input);
      const remainingMs = countdown(timeoutOf(nameOf(method), request, options));
      const header = headersOf(options.headers);
      let retries: Retries | undefined;
      // Not a function around a function for each attempt: every call would pay for them.
      for (;;) {
        try {
          if (trace) trace.attempts++;
          const { message } = await transport.unary(method, signal, remainingMs(), header, request);
          const silent = normalize ? row.silentFailure?.(message) : undefined;
          if (silent) await this.#throwSilentFailure(silent, { signal, timeoutMs: remainingMs() });
          const response = this.#checked(row, message);
          if (row.retry === "safe") retry.budget.succeeded();
          return response;
        } catch (error) {
          const failure = this.#normalized(row, method, error, signal);
          if (row.retry === "never") throw failure;
          retries ??= new Retries(retry, signal, remainingMs, closing);
          await retries.waitAfter(failure);
        }
      }
    } catch (error) {
      const failure = this.#normalized(row, method, error, signal);
      if (this.#settings.normalize && row.missingIsSuccess && isMissing(failure))
        return create(method.output);
      throw request ? withoutCredentials(failure, method.input, request) : failure;
    } finally {
      link?.unlink();
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
      return traceStream(call, messages, () => isConsumerReturn(signal));
    };
    return cancelOnReturn(open, signalOf(options));
  }

  async *#messages<I extends DescMessage, O extends DescMessage>(
    method: DescMethodServerStreaming<I, O>,
    input: MessageInitShape<I>,
    outer: AbortSignal,
    options: CallOptions,
  ): AsyncGenerator<MessageShape<O>> {
    const row = rowOf(method);
    const link = this.#linkToClient(outer);
    const signal = link ? link.signal : outer;
    try {
      this.#settings.closing.throwIfAborted();
      callOptionsTable.check("", options);
      const request = this.#prepare(row, method, input);
      const timeoutMs = timeoutOf(nameOf(method), request, options);
      const header = headersOf(options.headers);
      const { message } = await this.#settings.transport.stream(
        method,
        signal,
        timeoutMs,
        header,
        only(request),
      );
      for await (const response of message) yield this.#checked(row, response);
    } catch (error) {
      throw this.#normalized(row, method, error, signal);
    } finally {
      link?.unlink();
    }
  }

  /** Where closing the client leaves the transport open, returns a signal for the call that fires then, or when the caller's does. */
  #linkToClient(signal: AbortSignal | undefined): Pick<LinkedController, "signal" | "unlink"> | undefined {
    const { closing, ownsTransport } = this.#settings;
    if (ownsTransport || closing.aborted) return undefined;
    const either = linkedController(signal);
    const removeCallback = onAbort(closing, () => either.abort(closing.reason));
    const unlink = () => {
      either.unlink();
      removeCallback();
    };
    return { signal: either.signal, unlink };
  }

  /** Returns the complete request, checked and prepared. */
  #prepare<I extends DescMessage, O extends DescMessage>(
    row: RpcRow<MessageShape<I>, MessageShape<O>>,
    method: CalledMethod<I, O>,
    input: MessageInitShape<I>,
  ): MessageShape<I> {
    const { preflight } = this.#settings;
    if (preflight) checkFields(method.input, input);
    const request = create(method.input, input);
    if (!preflight) return request;
    checkRequest(row, request);
    return row.prepare?.(request) ?? request;
  }

  /** Throws the error of a response that means a failure on one runtime, if this is that runtime. */
  async #throwSilentFailure(failure: SilentFailure, { signal, timeoutMs }: CallOptions): Promise<void> {
    const { version } = RuntimeService.method;
    const { message } = await this.#settings.transport.unary(
      version,
      signal,
      timeoutMs,
      undefined,
      create(version.input),
    );
    if (message.runtimeName === failure.runtime) throw failure.error;
  }

  #checked<Q, R>(row: RpcRow<Q, R>, response: R): R {
    if (this.#settings.normalize) checkResponse(row, response);
    return response;
  }

  #normalized<I extends DescMessage, O extends DescMessage>(
    row: RpcRow<MessageShape<I>, MessageShape<O>>,
    method: CalledMethod<I, O>,
    error: unknown,
    signal: AbortSignal | undefined,
  ): CriError {
    const { endpoint, normalize, unimplemented } = this.#settings;
    if (error instanceof CriError && error.method !== undefined) return error;
    const where = { method: method.name, endpoint };
    const failure = fromTransportError(error, where);
    // The runtime may have been upgraded meanwhile, and implement more RPCs.
    if (failure.code === "unavailable") unimplemented.clear();
    // Transports other than ours report an abort of the caller's signal in their own words.
    if (signal?.aborted && failure.reason === "runtime_error" && failure.code === "canceled")
      return abortError(signal).with(where);
    if (!normalize && failure.code !== "unimplemented") return failure;
    const name = nameOf(method);
    const normalized = normalizeError(name, failure, row.errorText?.(failure.rawMessage));
    if (failure.reason === "runtime_error" && normalized.reason === "unimplemented") unimplemented.add(name);
    return normalize ? normalized : failure;
  }
}

/** The responses of a server-streaming RPC. Ending the loop, `return()` and `await using` cancel the call. */
export type ServerStream<T> = AsyncIterableIterator<T> & AsyncDisposable;

function isMissing({ reason }: CriError): boolean {
  return reason === "object_missing" || reason === "image_missing";
}

// Only methods of CRI's two services are called here, and the table of RPCs has a row for each.
function nameOf(method: { readonly localName: string }): RpcName {
  return method.localName as RpcName;
}

/** Returns the signal of options that may not be an object: the call itself reports that. */
function signalOf(options: CallOptions): AbortSignal | undefined {
  const signal = options?.signal;
  return typeof signal?.addEventListener === "function" ? signal : undefined;
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
