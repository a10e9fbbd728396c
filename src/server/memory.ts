import {
  create,
  type DescMessage,
  type DescMethodStreaming,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import {
  CancellationScope,
  type CriError,
  checkArgument,
  criError,
  OptionTable,
  option,
} from "../core/index.js";
import {
  checkMethod,
  decodeMessage,
  encodeMessage,
  type RpcHeadersInit,
  type RpcInterceptor,
  type RpcStreamResponse,
  type RpcTransport,
  type RpcUnaryResponse,
  toConnectError,
  withInterceptors,
} from "../transport/index.js";
import { Dispatcher, handleStream, handleUnary, plainForm, type Route, toStatusError } from "./dispatch.js";
import { clientCanceled, rejectedCall } from "./errors.js";
import { type CallContext, type Services, servicesTable } from "./implementation.js";

/** Options of {@link memoryTransport}. */
export interface MemoryOptions {
  /** Interceptors around every call, outermost first. */
  readonly interceptors?: readonly RpcInterceptor[] | undefined;
}

const memoryTable = new OptionTable<MemoryOptions>({ interceptors: option.listOf(option.callback) });

/**
 * Creates a transport that calls handlers without a socket: `connect.through(memoryTransport({ runtime, image }))`. Messages are
 * encoded and decoded as on a socket, so the two sides never share objects. There is no size limit.
 */
export function memoryTransport(services: Services, options: MemoryOptions = {}): RpcTransport {
  checkArgument("memoryTransport", "services", services, option.handlers(servicesTable));
  memoryTable.check("memoryTransport", options);
  return withInterceptors(new MemoryTransport(new Dispatcher(services)), options.interceptors ?? []);
}

let transports = 0;

class MemoryTransport implements RpcTransport {
  readonly #dispatcher: Dispatcher;
  readonly #peer = `memory:${++transports}`;
  readonly #calls = new Set<MemoryCall>();

  constructor(dispatcher: Dispatcher) {
    this.#dispatcher = dispatcher;
  }

  async unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: RpcHeadersInit | undefined,
    input: MessageInitShape<I>,
  ): Promise<RpcUnaryResponse<I, O>> {
    checkMethod("unary", method);
    const call = this.#open(timeoutMs, signal);
    try {
      if (call.stopped) throw call.stopped;
      const bytes = encodeMessage(method.input, create(method.input, input));
      const route = this.#route(method);
      await call.race(nextLoopTurn());
      const context = this.#context(call, method.name, header);
      const work = Promise.resolve(handleUnary(route, bytes, context, plainForm));
      const message = decodeResponse(method.output, await call.race(work));
      call.isDone = true;
      const none = { header: new Headers(), trailer: new Headers() };
      return { stream: false, service: method.parent, method, message, ...none };
    } catch (error) {
      throw toConnectError(call.failure(error));
    } finally {
      call.end();
    }
  }

  async stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodStreaming<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: RpcHeadersInit | undefined,
    input: AsyncIterable<MessageInitShape<I>>,
  ): Promise<RpcStreamResponse<I, O>> {
    checkMethod("stream", method);
    const call = this.#open(timeoutMs, signal);
    try {
      const bytes = encodeMessage(method.input, create(method.input, await call.race(first(input))));
      const context = this.#context(call, method.name, header);
      const responses = handleStream(this.#route(method), bytes, context, plainForm);
      const message = new MemoryStream(method.output, call, responses);
      const none = { header: new Headers(), trailer: new Headers() };
      return { stream: true, service: method.parent, method, message, ...none };
    } catch (error) {
      const failure = call.failure(error);
      call.end();
      throw toConnectError(failure);
    }
  }

  #open(timeoutMs: number | undefined, signal: AbortSignal | undefined): MemoryCall {
    const call = new MemoryCall(timeoutMs, signal, () => this.#calls.delete(call));
    if (!call.stopped) this.#calls.add(call);
    return call;
  }

  #route(method: DescMethodUnary | DescMethodStreaming): Route {
    return this.#dispatcher.find(`/${method.parent.typeName}/${method.name}`);
  }

  #context(call: MemoryCall, method: string, header: RpcHeadersInit | undefined): CallContext {
    return {
      method,
      signal: call.signal,
      deadline: call.deadline,
      headers: Object.fromEntries(new Headers(header)),
      peer: this.#peer,
      cutConnection: () => {
        const lost = criError("connection_lost", "the connection was lost during the call");
        for (const open of this.#calls) open.stop(lost);
      },
    };
  }
}

async function first<T>(input: AsyncIterable<T>): Promise<T> {
  for await (const message of input) return message;
  throw rejectedCall("the request has no message");
}

/** A call in memory: its lifetime as client and handler see it. */
export class MemoryCall {
  /** Whether the handler has finished. */
  isDone = false;
  readonly #scope: CancellationScope;
  readonly #abort = new AbortController();
  readonly #onEnd: () => void;
  #reject: ((error: CriError) => void) | undefined;

  constructor(timeoutMs: number | undefined, signal: AbortSignal | undefined, onEnd: () => void) {
    this.#onEnd = onEnd;
    this.#scope = new CancellationScope(timeoutMs, signal);
    if (this.#scope.stopped) this.#abort.abort(this.#scope.stopped);
    // Also while no wait is pending: the handler's signal fires at once, as on a socket.
    this.#scope.onStop({
      cancel: (error) => {
        onEnd();
        this.#abort.abort(error);
        this.#reject?.(error);
      },
    });
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get stopped(): CriError | undefined {
    return this.#scope.stopped;
  }

  get deadline(): Date | undefined {
    const { remainingMs } = this.#scope;
    return remainingMs === undefined ? undefined : new Date(Date.now() + remainingMs);
  }

  /** Ends the call for a reason other than its deadline and its signal. */
  stop(error: CriError): void {
    this.#scope.stop(error);
  }

  /** Waits for the handler, or rejects as soon as the call is stopped. */
  race<T>(work: Promise<T>): Promise<T> {
    // Nothing awaits a handler whose call has ended.
    work.catch(() => undefined);
    if (this.stopped) return Promise.reject(this.stopped);
    return new Promise<T>((resolve, reject) => {
      this.#reject = reject;
      work.then(resolve, reject);
    }).finally(() => {
      this.#reject = undefined;
    });
  }

  /** Returns the error for the client: its own cancellation, or the handler's error as it would arrive over a socket. */
  failure(error: unknown): CriError {
    if (this.stopped) return this.stopped;
    const { code, rawMessage: text, reason } = toStatusError(error);
    // Decoding fails on the client's side, which keeps the reason.
    if (reason === "malformed_response") return toStatusError(error);
    return criError("runtime_error", text, { code });
  }

  /** Ends the call; the signal of an unfinished handler fires. */
  end(): void {
    this.#scope.end();
    this.#onEnd();
    if (this.isDone) return;
    this.#abort.abort(clientCanceled());
    this.#reject?.(clientCanceled());
  }
}

/** Decodes a response message. Throws `malformed_response`. */
export function decodeResponse<O extends DescMessage>(schema: O, bytes: Uint8Array): MessageShape<O> {
  try {
    return decodeMessage(schema, bytes);
  } catch (cause) {
    throw criError("malformed_response", `the response is not a valid ${schema.typeName}`, { cause });
  }
}

/** Waits for the next turn of the event loop, as a socket would: otherwise a loop of calls would starve timers and I/O. */
export function nextLoopTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** The number of stream messages per turn of the event loop. */
const messagesPerTurn = 64;

/**
 * A streaming response in memory. Its handler starts before the first read and runs one message ahead, as on a socket: an event
 * between the call and the first read is not lost.
 */
export class MemoryStream<O extends DescMessage> implements AsyncIterableIterator<MessageShape<O>> {
  readonly #output: O;
  readonly #call: MemoryCall;
  readonly #responses: AsyncGenerator<Uint8Array>;
  #ahead: Promise<IteratorResult<Uint8Array>>;
  #isOver = false;
  #delivered = 0;

  constructor(output: O, call: MemoryCall, responses: AsyncGenerator<Uint8Array>) {
    this.#output = output;
    this.#call = call;
    this.#responses = responses;
    this.#ahead = this.#pull();
  }

  async next(): Promise<IteratorResult<MessageShape<O>>> {
    if (this.#isOver) return { done: true, value: undefined };
    try {
      if (++this.#delivered % messagesPerTurn === 0) await this.#call.race(nextLoopTurn());
      const next = await this.#call.race(this.#ahead);
      if (next.done) {
        this.#call.isDone = true;
        return this.return();
      }
      if (!this.#isOver) this.#ahead = this.#pull();
      return { done: false, value: decodeResponse(this.#output, next.value) };
    } catch (error) {
      if (this.#isOver) return { done: true, value: undefined };
      const failure = this.#call.failure(error);
      void this.return();
      throw toConnectError(failure);
    }
  }

  async return(): Promise<IteratorResult<MessageShape<O>>> {
    this.#isOver = true;
    this.#call.end();
    // After the handler's signal has fired, which ends its pending waits.
    this.#responses.return(undefined).catch(() => undefined);
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #pull(): Promise<IteratorResult<Uint8Array>> {
    const next = this.#responses.next();
    next.catch(() => undefined);
    return next;
  }
}
