import type {
  DescMessage,
  DescMethodStreaming,
  DescMethodUnary,
  DescService,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import { hasFunctions, isRecord, type OptionCheck } from "../core/index.js";

// Connect's Transport and Interceptor, declared here again: Connect's own declarations need the DOM library, and public types that refer
// to them would require it of users. A type test checks that both are equal.

/** Request headers as Connect's calls take them. */
export type RpcHeadersInit = [string, string][] | Record<string, string> | Headers;

/** A key under which interceptors share a value within one call (Connect's `ContextKey`). */
export interface RpcContextKey<T> {
  /** Identifies the key. */
  id: symbol;
  /** The value as long as none is set. */
  defaultValue: T;
}

/** Values that interceptors share within one call (Connect's `ContextValues`). */
export interface RpcContextValues {
  /** Returns the value of a key, or its default. */
  get<T>(key: RpcContextKey<T>): T;
  /** Sets the value of a key. */
  set<T>(key: RpcContextKey<T>, value: T): this;
  /** Removes a value: the default applies again. */
  delete(key: RpcContextKey<unknown>): this;
}

interface RequestCommon {
  readonly service: DescService;
  readonly requestMethod: string;
  readonly url: string;
  readonly signal: AbortSignal;
  readonly header: Headers;
  readonly contextValues: RpcContextValues;
}

interface ResponseCommon {
  readonly service: DescService;
  readonly header: Headers;
  readonly trailer: Headers;
}

/** A unary call as an interceptor sees it. */
export interface RpcUnaryRequest<I extends DescMessage = DescMessage, O extends DescMessage = DescMessage>
  extends RequestCommon {
  readonly stream: false;
  /** The request. */
  readonly message: MessageShape<I>;
  /** The descriptor of the RPC. */
  readonly method: DescMethodUnary<I, O>;
}

/** A unary response. */
export interface RpcUnaryResponse<I extends DescMessage = DescMessage, O extends DescMessage = DescMessage>
  extends ResponseCommon {
  readonly stream: false;
  /** The response. */
  readonly message: MessageShape<O>;
  /** The descriptor of the RPC. */
  readonly method: DescMethodUnary<I, O>;
}

/** A streaming call as an interceptor sees it. */
export interface RpcStreamRequest<I extends DescMessage = DescMessage, O extends DescMessage = DescMessage>
  extends RequestCommon {
  readonly stream: true;
  /** The request messages: one for each RPC of CRI. */
  readonly message: AsyncIterable<MessageShape<I>>;
  /** The descriptor of the RPC. */
  readonly method: DescMethodStreaming<I, O>;
}

/** A streaming response. */
export interface RpcStreamResponse<I extends DescMessage = DescMessage, O extends DescMessage = DescMessage>
  extends ResponseCommon {
  readonly stream: true;
  /** The response messages. */
  readonly message: AsyncIterable<MessageShape<O>>;
  /** The descriptor of the RPC. */
  readonly method: DescMethodStreaming<I, O>;
}

/** The function that an interceptor wraps: it makes the call, or calls the next interceptor. */
export type RpcNext = (
  request: RpcUnaryRequest | RpcStreamRequest,
) => Promise<RpcUnaryResponse | RpcStreamResponse>;

/** A function around every call; the same type as Connect's `Interceptor`. */
export type RpcInterceptor = (next: RpcNext) => RpcNext;

/** A transport for RPCs; the same type as Connect's `Transport`, so each can be used as the other. */
export interface RpcTransport {
  /** Makes a unary call. `timeoutMs` is the deadline in milliseconds; undefined means none. */
  unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: RpcHeadersInit | undefined,
    input: MessageInitShape<I>,
    contextValues?: RpcContextValues,
  ): Promise<RpcUnaryResponse<I, O>>;
  /** Makes a streaming call. Resolves with the beginning of the response; its messages follow. */
  stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodStreaming<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: RpcHeadersInit | undefined,
    input: AsyncIterable<MessageInitShape<I>>,
    contextValues?: RpcContextValues,
  ): Promise<RpcStreamResponse<I, O>>;
}

const hasCalls = hasFunctions<RpcTransport>(
  "a transport, such as `createTransport(endpoint)`",
  "unary",
  "stream",
);

/** Checks a transport that a caller passes. An object with a transport, such as the embedded runtime, gets the advice to pass that. */
export const transportCheck: OptionCheck<RpcTransport> = (value: unknown) =>
  isRecord(value) && hasCalls(value.transport as RpcTransport) === undefined
    ? "must be a transport: pass its `transport`"
    : hasCalls(value as RpcTransport);
