import {
  create,
  type DescMessage,
  type DescMethodStreaming,
  type DescMethodUnary,
  type MessageInitShape,
} from "@bufbuild/protobuf";
import { createContextKey } from "@connectrpc/connect";
import {
  CancellationScope,
  type CriError,
  checkArgument,
  criError,
  isCriError,
  isRecord,
  messageOf,
  type OptionCheck,
} from "../core/index.js";
import { type CallStart, FailedAttempt } from "./call.js";
import { encodeToEnvelope } from "./codecs.js";
import { checkMethod, toConnectError } from "./connect-errors.js";
import type { Connection } from "./connection.js";
import type {
  RpcContextKey,
  RpcContextValues,
  RpcHeadersInit,
  RpcStreamResponse,
  RpcTransport,
  RpcUnaryResponse,
} from "./contract.js";
import { type Endpoint, parseEndpoint } from "./endpoint.js";
import { checkRequestBytes, prefixBytes } from "./envelope.js";
import { type HeaderBuilder, headerBuilder } from "./headers.js";
import { withInterceptors } from "./interceptors.js";
import {
  type ResolvedTransportOptions,
  resolveTransportOptions,
  type TransportOptions,
  transportTable,
} from "./options.js";
import { attemptStream } from "./streaming.js";
import { Subchannel } from "./subchannel.js";
import { transparentRetry } from "./transparent-retry.js";
import { attemptUnary, type UnaryOutcome } from "./unary.js";

/** The context key of calls that connect only once: discovery needs its result at once. */
export const connectOnceKey: RpcContextKey<boolean> = createContextKey(false, {
  description: "cri-sdk: connect once",
});

/** A gRPC transport to one endpoint; usable as a Connect `Transport`. */
export interface Http2Transport extends RpcTransport, AsyncDisposable {
  /** The endpoint that calls go to. */
  readonly endpoint: Endpoint;
  /** Ends every call with `client_closed`. Resolves when no socket remains. Idempotent. */
  close(): Promise<void>;
}

const endpointCheck: OptionCheck<Endpoint> = (value) =>
  typeof value.kind === "string" && typeof value.url === "string"
    ? undefined
    : "must be a string, or what `parseEndpoint(text)` returns";

/**
 * Creates a gRPC transport to a runtime's endpoint, over HTTP/2. It connects on first use and again after the connection was lost, and
 * does not keep the process alive while no call is in flight. Calls reject as Connect's do, with a `ConnectError` whose cause is the
 * {@link CriError}.
 *
 * Throws `invalid_endpoint` or `invalid_option`.
 */
export function createTransport(endpoint: string | Endpoint, options?: TransportOptions): Http2Transport {
  if (!isRecord(endpoint)) parseEndpoint(endpoint);
  else checkArgument("createTransport", "endpoint", endpoint, endpointCheck);
  transportTable.check("createTransport", options);
  return openTransport(endpoint, options);
}

/** Does the same with options that were checked, among others. */
export function openTransport(endpoint: string | Endpoint, options?: TransportOptions): Http2Transport {
  const resolved = resolveTransportOptions(endpoint, options);
  const bare = new GrpcTransport(resolved);
  if (resolved.interceptors.length === 0) return bare;
  const close = () => bare.close();
  const outer = withInterceptors(bare, resolved.interceptors, resolved.endpoint);
  return { ...outer, endpoint: resolved.endpoint, close, [Symbol.asyncDispose]: close };
}

/** A unary call, ready to be sent. */
interface UnaryCall<I extends DescMessage, O extends DescMessage> {
  readonly method: DescMethodUnary<I, O>;
  readonly scope: CancellationScope;
  readonly header: RpcHeadersInit | undefined;
  readonly body: Uint8Array;
  readonly contextValues: RpcContextValues | undefined;
}

/** Sends a call on a connection. Throws or rejects only if nothing was sent. */
type Attempt<T> = (connection: Connection) => Promise<T | FailedAttempt>;

class GrpcTransport implements Http2Transport {
  readonly #options: ResolvedTransportOptions;
  readonly #subchannel: Subchannel;
  readonly #headers: HeaderBuilder;

  constructor(options: ResolvedTransportOptions) {
    this.#options = options;
    this.#subchannel = new Subchannel(options);
    this.#headers = headerBuilder(options.endpoint, options.userAgent);
  }

  get endpoint(): Endpoint {
    return this.#options.endpoint;
  }

  close(): Promise<void> {
    return this.#subchannel.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: RpcHeadersInit | undefined,
    input: MessageInitShape<I>,
    contextValues?: RpcContextValues,
  ): Promise<RpcUnaryResponse<I, O>> {
    let scope: CancellationScope | undefined;
    try {
      checkMethod("unary", method);
      scope = new CancellationScope(timeoutMs, signal);
      const body = this.#encode(method.input, input);
      return this.#unary({ method, scope, header, body, contextValues });
    } catch (error) {
      scope?.end();
      return Promise.reject(toConnectError(error));
    }
  }

  /** Makes the first attempt without a promise of its own, if there is a connection: nearly every call needs no more. */
  #unary<I extends DescMessage, O extends DescMessage>(
    call: UnaryCall<I, O>,
  ): Promise<RpcUnaryResponse<I, O>> {
    const { method, scope, header, body } = call;
    const connection = scope.stopped ? undefined : this.#subchannel.current;
    if (!connection) return this.#unaryAttempts(call, undefined);
    return new Promise((resolve) => {
      const onOutcome = (outcome: UnaryOutcome<I, O>) => {
        if (outcome instanceof FailedAttempt) {
          resolve(this.#unaryAttempts(call, outcome));
          return;
        }
        scope.end();
        resolve(outcome);
      };
      try {
        attemptUnary(method, this.#start(method, connection, scope, header, body), onOutcome);
      } catch (error) {
        onOutcome(this.#unsent(scope, error));
      }
    });
  }

  /** Makes the attempts of a call after the first one, or all. */
  async #unaryAttempts<I extends DescMessage, O extends DescMessage>(
    { method, scope, header, body, contextValues }: UnaryCall<I, O>,
    first: FailedAttempt | undefined,
  ): Promise<RpcUnaryResponse<I, O>> {
    const attempt: Attempt<RpcUnaryResponse<I, O>> = (connection) =>
      new Promise((resolve) =>
        attemptUnary(method, this.#start(method, connection, scope, header, body), resolve),
      );
    try {
      const outcome = first ?? (await this.#attempt(scope, attempt));
      return await this.#transparentRetry(outcome, scope, contextValues, attempt);
    } catch (error) {
      throw toConnectError(error);
    } finally {
      scope.end();
    }
  }

  async stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodStreaming<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: RpcHeadersInit | undefined,
    input: AsyncIterable<MessageInitShape<I>>,
    contextValues?: RpcContextValues,
  ): Promise<RpcStreamResponse<I, O>> {
    checkMethod("stream", method);
    // The end of the stream ends the scope: the stream outlives this promise.
    const scope = new CancellationScope(timeoutMs, signal);
    try {
      const requests = this.#encodeAll(method.input, input);
      // A server-streaming call has one request; read in advance, it can be sent again like that of a unary call.
      const body = method.methodKind === "server_streaming" ? await only(method, requests) : undefined;
      const attempt = (connection: Connection) =>
        attemptStream(
          method,
          this.#start(method, connection, scope, header, body),
          body ? undefined : requests,
        );
      const outcome = await this.#attempt(scope, attempt);
      return await this.#transparentRetry(outcome, scope, contextValues, attempt);
    } catch (error) {
      scope.end();
      throw toConnectError(error);
    }
  }

  #transparentRetry<T>(
    first: T | FailedAttempt,
    scope: CancellationScope,
    contextValues: RpcContextValues | undefined,
    attempt: Attempt<T>,
  ): Promise<T> {
    const attempts = contextValues?.get(connectOnceKey) ? 1 : this.#options.connectAttempts;
    const again = () => this.#attempt(scope, attempt);
    return transparentRetry(first, again, scope, { attempts, backoff: this.#options.backoff });
  }

  /** Makes one attempt, on the open connection or on a new one. */
  #attempt<T>(scope: CancellationScope, attempt: Attempt<T>): Promise<T | FailedAttempt> {
    if (scope.stopped) throw scope.stopped;
    const connection = this.#subchannel.current;
    const failed = (error: unknown) => this.#unsent(scope, error);
    if (!connection) {
      const begin = (dialed: Connection) => {
        // The call may have been stopped in the moment in which the dial succeeded.
        if (scope.stopped) throw scope.stopped;
        return attempt(dialed);
      };
      return scope.race(this.#subchannel.acquire()).then(begin).catch(failed);
    }
    try {
      return attempt(connection).catch(failed);
    } catch (error) {
      return Promise.resolve(failed(error));
    }
  }

  /**
   * Creates the failure of a call that was not sent, because the dial failed or the connection takes no new calls. If the deadline
   * passed while dials failed, it is the dial's failure: the runtime is absent, not slow.
   */
  #unsent(scope: CancellationScope, error: unknown): FailedAttempt {
    const dialFailure = scope.stopped?.reason === "deadline" ? this.#subchannel.lastFailure : undefined;
    return new FailedAttempt(dialFailure ?? asUnsent(error), true);
  }

  #start(
    method: DescMethodUnary | DescMethodStreaming,
    connection: Connection,
    scope: CancellationScope,
    header: RpcHeadersInit | undefined,
    body: Uint8Array | undefined,
  ): CallStart {
    const headers = this.#headers(method, scope.remainingMs, header);
    return { connection, headers, body, scope, readLimitBytes: this.#options.readLimitBytes };
  }

  #encode<I extends DescMessage>(schema: I, input: MessageInitShape<I>): Uint8Array {
    const envelope = serialize(schema, input);
    checkRequestBytes(envelope.byteLength - prefixBytes, this.#options.writeLimitBytes);
    return envelope;
  }

  async *#encodeAll<I extends DescMessage>(
    schema: I,
    input: AsyncIterable<MessageInitShape<I>>,
  ): AsyncGenerator<Uint8Array> {
    for await (const message of input) yield this.#encode(schema, message);
  }
}

function serialize<I extends DescMessage>(schema: I, input: MessageInitShape<I>): Uint8Array {
  try {
    return encodeToEnvelope(schema, create(schema, input));
  } catch (cause) {
    const text = `the request is not a valid ${schema.typeName}: ${messageOf(cause)}`;
    throw criError("invalid_request", text, { cause });
  }
}

async function only(method: DescMethodStreaming, requests: AsyncGenerator<Uint8Array>): Promise<Uint8Array> {
  for await (const request of requests) return request;
  throw criError("invalid_request", `${method.name} requires one request, got none`);
}

function asUnsent(error: unknown): CriError {
  if (isCriError(error)) return error;
  return criError("connection_lost", `the call was not sent: ${messageOf(error)}`, {
    cause: error,
  });
}
