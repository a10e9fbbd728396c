import {
  create,
  type DescMessage,
  type DescMethodStreaming,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { CriError, Lifeline } from "../core/index.js";
import {
  type RpcHeadersInit,
  type RpcInterceptor,
  type RpcStreamResponse,
  type RpcTransport,
  type RpcUnaryResponse,
  toConnectError,
  withInterceptors,
} from "../transport/index.js";
import { answerStream, answerUnary, Dispatcher, type Route, toStatusError } from "./dispatch.js";
import { callOver } from "./errors.js";
import type { CallContext, Services } from "./implementation.js";

/** How {@link memoryTransport} calls. */
export interface MemoryOptions {
  /** Functions around every call, outermost first. */
  readonly interceptors?: readonly RpcInterceptor[] | undefined;
}

/**
 * Calls handlers without a socket: `connect.through(memoryTransport({ runtime, image }))`. Requests and answers are
 * encoded and decoded as on a socket, so that neither side sees the other's objects.
 */
export function memoryTransport(services: Services, options: MemoryOptions = {}): RpcTransport {
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
    const call = this.#open(timeoutMs, signal);
    try {
      const bytes = toBinary(method.input, create(method.input, input));
      const work = answerUnary(this.#route(method), bytes, this.#context(call, method.name, header));
      const message = fromBinary(method.output, await call.race(work));
      call.done = true;
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
    const call = this.#open(timeoutMs, signal);
    const message = this.#answers(method, call, header, input);
    return {
      stream: true,
      service: method.parent,
      method,
      message,
      header: new Headers(),
      trailer: new Headers(),
    };
  }

  async *#answers<I extends DescMessage, O extends DescMessage>(
    method: DescMethodStreaming<I, O>,
    call: MemoryCall,
    header: RpcHeadersInit | undefined,
    input: AsyncIterable<MessageInitShape<I>>,
  ): AsyncGenerator<MessageShape<O>> {
    let answers: AsyncGenerator<Uint8Array> | undefined;
    try {
      let bytes: Uint8Array = new Uint8Array();
      for await (const request of input) bytes = toBinary(method.input, create(method.input, request));
      answers = answerStream(this.#route(method), bytes, this.#context(call, method.name, header));
      for (;;) {
        const next = await call.race(answers.next());
        if (next.done) break;
        yield fromBinary(method.output, next.value);
      }
      call.done = true;
    } catch (error) {
      throw toConnectError(call.failure(error));
    } finally {
      call.end();
      // After the handler's signal, which ends what it waits for.
      answers?.return(undefined).catch(() => undefined);
    }
  }

  #open(timeoutMs: number | undefined, signal: AbortSignal | undefined): MemoryCall {
    const call = new MemoryCall(timeoutMs, signal, () => this.#calls.delete(call));
    this.#calls.add(call);
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
        for (const open of this.#calls) open.cut();
      },
    };
  }
}

/** A call under way: its span, and what its handler hears of it. */
class MemoryCall {
  /** Whether the handler came to its end. */
  done = false;
  readonly #lifeline: Lifeline;
  readonly #abort = new AbortController();
  readonly #ended: () => void;

  constructor(timeoutMs: number | undefined, signal: AbortSignal | undefined, ended: () => void) {
    this.#lifeline = new Lifeline(timeoutMs, signal);
    this.#ended = ended;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get deadline(): Date | undefined {
    const { remainingMs } = this.#lifeline;
    return remainingMs === undefined ? undefined : new Date(Date.now() + remainingMs);
  }

  async race<T>(work: Promise<T>): Promise<T> {
    // A handler whose call is over fails for nobody.
    work.catch(() => undefined);
    return this.#lifeline.race(work);
  }

  /** Loses the call to a connection that was cut. */
  cut(): void {
    const text = "the connection was lost under the call";
    this.#lifeline.stop(new CriError({ code: "unavailable", reason: "connection_lost", text }));
  }

  /** What the caller is told: the end that came from its own side, or what the handler failed with, without its reason. */
  failure(error: unknown): CriError {
    if (this.#lifeline.stopped) return this.#lifeline.stopped;
    const { code, text } = toStatusError(error);
    return new CriError({ code, reason: "runtime_error", text });
  }

  end(): void {
    this.#ended();
    if (!this.done) this.#abort.abort(this.#lifeline.stopped ?? callOver());
    this.#lifeline.end();
  }
}
