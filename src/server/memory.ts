import {
  create,
  type DescMessage,
  type DescMethodStreaming,
  type DescMethodUnary,
  type MessageInitShape,
  toBinary,
} from "@bufbuild/protobuf";
import { CriError } from "../core/index.js";
import {
  type RpcHeadersInit,
  type RpcInterceptor,
  type RpcStreamResponse,
  type RpcTransport,
  type RpcUnaryResponse,
  toConnectError,
  withInterceptors,
} from "../transport/index.js";
import { answerUnary, Dispatcher, openStream, type Route } from "./dispatch.js";
import { callRefused } from "./errors.js";
import type { CallContext, Services } from "./implementation.js";
import { decodeAnswer, MemoryCall, MemoryStream, turnOfTheLoop } from "./memory-call.js";

/** How {@link memoryTransport} calls. */
export interface MemoryOptions {
  /** Functions around every call, outermost first. */
  readonly interceptors?: readonly RpcInterceptor[] | undefined;
}

/**
 * Calls handlers without a socket: `connect.through(memoryTransport({ runtime, image }))`. Requests and answers are
 * encoded and decoded as on a socket, so that neither side sees the other's objects; they may have any size.
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
      if (call.stopped) throw call.stopped;
      const bytes = toBinary(method.input, create(method.input, input));
      const route = this.#route(method);
      await call.race(turnOfTheLoop());
      const work = answerUnary(route, bytes, this.#context(call, method.name, header));
      const message = decodeAnswer(method.output, await call.race(work));
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
    try {
      const bytes = toBinary(method.input, create(method.input, await call.race(first(input))));
      const answers = openStream(this.#route(method), bytes, this.#context(call, method.name, header));
      const message = new MemoryStream(method.output, call, answers);
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
        const text = "the connection was lost under the call";
        const lost = new CriError({ code: "unavailable", reason: "connection_lost", text });
        for (const open of this.#calls) open.stop(lost);
      },
    };
  }
}

async function first<T>(input: AsyncIterable<T>): Promise<T> {
  for await (const message of input) return message;
  throw callRefused("the request has no message");
}
