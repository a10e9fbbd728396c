import type {
  DescMessage,
  DescMethod,
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import { ImageService, RuntimeService } from "../../gen/runtime/v1/api_pb.js";
import type { CallOptions } from "../core/index.js";
import { Caller, type CallerSettings, type ServerStream } from "./caller.js";
import type { RequestOptional } from "./rpcs.js";

type Arguments<N, I extends DescMessage> = N extends RequestOptional
  ? [request?: MessageInitShape<I>, options?: CallOptions]
  : [request: MessageInitShape<I>, options?: CallOptions];

/** One function per RPC of a service: unary RPCs return a promise, server-streaming RPCs an async iterator. */
export type ExactClient<S extends DescService> = {
  readonly [N in keyof S["method"]]: S["method"][N] extends DescMethodUnary<infer I, infer O>
    ? (...args: Arguments<N, I>) => Promise<MessageShape<O>>
    : S["method"][N] extends DescMethodServerStreaming<infer I, infer O>
      ? (...args: Arguments<N, I>) => ServerStream<MessageShape<O>>
      : never;
};

/**
 * RuntimeService: sandboxes, containers, exec, stats, events, with CRI's own names and messages. Each function takes the request and
 * {@link CallOptions}, and rejects with {@link CriError}.
 *
 * @interface
 */
export type RuntimeClient = ExactClient<typeof RuntimeService>;

/** ImageService: list, inspect, pull and remove images, with CRI's own names and messages. @interface */
export type ImageClient = ExactClient<typeof ImageService>;

/** Creates the client of RuntimeService. */
export function runtimeClient(settings: CallerSettings): RuntimeClient {
  return exactClient(RuntimeService, new Caller(settings));
}

/** Creates the client of ImageService. */
export function imageClient(settings: CallerSettings): ImageClient {
  return exactClient(ImageService, new Caller(settings));
}

function exactClient<S extends DescService>(service: S, caller: Caller): ExactClient<S> {
  const functions = service.methods.map((method) => [method.localName, rpcFunction(method, caller)]);
  // Built from the same descriptor that the type is computed from.
  return Object.freeze(Object.fromEntries(functions)) as ExactClient<S>;
}

function rpcFunction(method: DescMethod, caller: Caller) {
  if (isUnary(method))
    return (request: Record<string, unknown> = {}, options?: CallOptions) =>
      caller.unary(method, request, options);
  if (isServerStreaming(method))
    return (request: Record<string, unknown> = {}, options?: CallOptions) =>
      caller.stream(method, request, options);
  throw new TypeError(`${method.name}: ${method.methodKind} RPCs are not supported`);
}

function isUnary(method: DescMethod): method is DescMethodUnary {
  return method.methodKind === "unary";
}

function isServerStreaming(method: DescMethod): method is DescMethodServerStreaming {
  return method.methodKind === "server_streaming";
}
