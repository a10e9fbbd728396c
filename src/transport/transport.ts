import {
  create,
  type DescMessage,
  type DescMethodStreaming,
  type DescMethodUnary,
  type MessageInitShape,
  toBinary,
} from "@bufbuild/protobuf";
import { createContextKey } from "@connectrpc/connect";
import { CriError, isCriError, Lifeline } from "../core/index.js";
import type { CallStart } from "./call.js";
import { toConnectError } from "./connect-errors.js";
import type { Connection } from "./connection.js";
import type {
  RpcContextKey,
  RpcContextValues,
  RpcHeadersInit,
  RpcStreamResponse,
  RpcTransport,
  RpcUnaryResponse,
} from "./contract.js";
import type { Endpoint } from "./endpoint.js";
import { encodeEnvelope } from "./envelope.js";
import { type HeaderBuilder, headerBuilder } from "./headers.js";
import { withInterceptors } from "./interceptors.js";
import { Link } from "./link.js";
import { type ResolvedTransportOptions, resolveTransportOptions, type TransportOptions } from "./options.js";
import { attemptStream } from "./streaming.js";
import { attemptUnary, Failed } from "./unary.js";
import { untilTouched } from "./until-touched.js";

/** A call with this context value set tries to connect once only: discovery wants its answer at once. */
export const connectOnceKey: RpcContextKey<boolean> = createContextKey(false, {
  description: "cri-sdk: connect once",
});

/** gRPC to one endpoint: usable wherever a Connect `Transport` is. */
export interface Http2Transport extends RpcTransport, AsyncDisposable {
  /** The endpoint it talks to. */
  readonly endpoint: Endpoint;
  /** Ends every call with `client_closed`, and resolves when no socket is left. Idempotent. */
  close(): Promise<void>;
}

/**
 * A gRPC transport to a runtime's endpoint, over HTTP/2. Opens its connection on first use, opens a new one after
 * it was lost, and does not keep the process alive while no call is under way. Rejects as Connect does, with a
 * `ConnectError`, whose cause is the {@link CriError}.
 *
 * Throws `invalid_endpoint` or `invalid_option`.
 */
export function createTransport(endpoint: string | Endpoint, options?: TransportOptions): Http2Transport {
  const resolved = resolveTransportOptions(endpoint, options);
  const bare = new GrpcTransport(resolved);
  if (resolved.interceptors.length === 0) return bare;
  const close = () => bare.close();
  const outer = withInterceptors(bare, resolved.interceptors, resolved.endpoint);
  return { ...outer, endpoint: resolved.endpoint, close, [Symbol.asyncDispose]: close };
}

/** Sends a call on a connection. Throws, or rejects, only when nothing was sent. */
type Attempt<T> = (connection: Connection) => Promise<T | Failed>;

class GrpcTransport implements Http2Transport {
  readonly #options: ResolvedTransportOptions;
  readonly #link: Link;
  readonly #headers: HeaderBuilder;

  constructor(options: ResolvedTransportOptions) {
    this.#options = options;
    this.#link = new Link(options);
    this.#headers = headerBuilder(options.endpoint, options.userAgent);
  }

  get endpoint(): Endpoint {
    return this.#options.endpoint;
  }

  close(): Promise<void> {
    return this.#link.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: RpcHeadersInit | undefined,
    input: MessageInitShape<I>,
    contextValues?: RpcContextValues,
  ): Promise<RpcUnaryResponse<I, O>> {
    const lifeline = new Lifeline(timeoutMs, signal);
    try {
      const body = this.#encode(method.input, input);
      const attempt = (connection: Connection) =>
        attemptUnary(method, this.#start(method, connection, lifeline, header, body));
      const outcome = await this.#attempt(lifeline, attempt);
      if (!(outcome instanceof Failed)) return outcome;
      return await this.#untilTouched(outcome, lifeline, contextValues, attempt);
    } catch (error) {
      throw toConnectError(error);
    } finally {
      lifeline.end();
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
    // Ended by the stream's own end: it goes on after this promise was fulfilled.
    const lifeline = new Lifeline(timeoutMs, signal);
    try {
      const requests = this.#encodeAll(method.input, input);
      // A server-streaming call has one request: known beforehand, it can be sent again as a unary one can.
      const body = method.methodKind === "server_streaming" ? await only(method, requests) : undefined;
      const attempt = (connection: Connection) =>
        attemptStream(
          method,
          this.#start(method, connection, lifeline, header, body),
          body ? undefined : requests,
        );
      const outcome = await this.#attempt(lifeline, attempt);
      return await this.#untilTouched(outcome, lifeline, contextValues, attempt);
    } catch (error) {
      lifeline.end();
      throw toConnectError(error);
    }
  }

  /** Attempts until one was looked at by the peer. */
  #untilTouched<T>(
    first: T | Failed,
    lifeline: Lifeline,
    contextValues: RpcContextValues | undefined,
    attempt: Attempt<T>,
  ): Promise<T> {
    const attempts = contextValues?.get(connectOnceKey) ? 1 : this.#options.connectAttempts;
    const again = () => this.#attempt(lifeline, attempt);
    return untilTouched(first, again, lifeline, { attempts, pause: this.#options.backoff });
  }

  /** One attempt, on the connection that is open or on a new one. */
  #attempt<T>(lifeline: Lifeline, attempt: Attempt<T>): Promise<T | Failed> {
    if (lifeline.stopped) throw lifeline.stopped;
    const connection = this.#link.current;
    const failed = (error: unknown) => this.#unsent(lifeline, error);
    if (!connection) {
      const begin = (dialed: Connection) => {
        // It may have been stopped in the very moment in which it got its connection.
        if (lifeline.stopped) throw lifeline.stopped;
        return attempt(dialed);
      };
      return lifeline.race(this.#link.acquire()).then(begin).catch(failed);
    }
    try {
      return attempt(connection);
    } catch (error) {
      return Promise.resolve(failed(error));
    }
  }

  /**
   * Nothing was sent: the dial failed, or the session took no new stream. A deadline that passes between dials that
   * fail is told as the failure: the runtime is absent, not slow.
   */
  #unsent(lifeline: Lifeline, error: unknown): Failed {
    const absent = lifeline.stopped?.reason === "deadline" ? this.#link.lastFailure : undefined;
    return new Failed({ error: absent ?? asUnsent(error), untouched: true });
  }

  #start(
    method: DescMethodUnary | DescMethodStreaming,
    connection: Connection,
    lifeline: Lifeline,
    header: RpcHeadersInit | undefined,
    body: Buffer | undefined,
  ): CallStart {
    const headers = this.#headers(method, lifeline.remainingMs, header);
    const unary = method.methodKind === "unary";
    return { connection, headers, body, unary, lifeline, readLimitBytes: this.#options.readLimitBytes };
  }

  #encode<I extends DescMessage>(schema: I, input: MessageInitShape<I>): Buffer {
    return encodeEnvelope(serialize(schema, input), this.#options.writeLimitBytes);
  }

  async *#encodeAll<I extends DescMessage>(
    schema: I,
    input: AsyncIterable<MessageInitShape<I>>,
  ): AsyncGenerator<Buffer> {
    for await (const message of input) yield this.#encode(schema, message);
  }
}

function serialize<I extends DescMessage>(schema: I, input: MessageInitShape<I>): Uint8Array {
  try {
    return toBinary(schema, create(schema, input));
  } catch (cause) {
    const text = `the request is no ${schema.typeName}: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw new CriError({ code: "invalid_argument", reason: "invalid_request", text, cause });
  }
}

async function only(method: DescMethodStreaming, requests: AsyncGenerator<Buffer>): Promise<Buffer> {
  for await (const request of requests) return request;
  throw new CriError({
    code: "invalid_argument",
    reason: "invalid_request",
    text: `${method.name} takes one request, got none`,
  });
}

function asUnsent(error: unknown): CriError {
  if (isCriError(error)) return error;
  return new CriError({
    code: "unavailable",
    reason: "connection_lost",
    text: `the connection took no new call: ${error instanceof Error ? error.message : String(error)}`,
    cause: error,
  });
}
