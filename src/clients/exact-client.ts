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
import type { RpcName } from "../transport/index.js";
import { Caller, type CallerSettings, type ServerStream } from "./caller.js";

/** RPCs for which an empty request says all there is to say, so that it may be left out. */
type RequestOptional = Extract<
  RpcName,
  | "version"
  | "status"
  | "runtimeConfig"
  | "getContainerEvents"
  | "listMetricDescriptors"
  | "imageFsInfo"
  | `list${string}`
  | `stream${string}`
>;

type Arguments<N, I extends DescMessage> = N extends RequestOptional
  ? [request?: MessageInitShape<I>, options?: CallOptions]
  : [request: MessageInitShape<I>, options?: CallOptions];

/** A service with one function per RPC: unary ones give a promise, server-streaming ones something to iterate. */
export type ExactClient<S extends DescService> = {
  readonly [N in keyof S["method"]]: S["method"][N] extends DescMethodUnary<infer I, infer O>
    ? (...args: Arguments<N, I>) => Promise<MessageShape<O>>
    : S["method"][N] extends DescMethodServerStreaming<infer I, infer O>
      ? (...args: Arguments<N, I>) => ServerStream<MessageShape<O>>
      : never;
};

/**
 * RuntimeService: sandboxes, containers, exec, stats, events. CRI's names and messages, 1:1; each function takes the
 * request and {@link CallOptions}, and rejects with {@link CriError}.
 */
export type RuntimeClient = ExactClient<typeof RuntimeService>;

/** ImageService: list, inspect, pull and remove images. CRI's names and messages, 1:1. */
export type ImageClient = ExactClient<typeof ImageService>;

/** The client of RuntimeService. */
export function runtimeClient(settings: CallerSettings): RuntimeClient {
  return exactClient(RuntimeService, new Caller(settings));
}

/** The client of ImageService. */
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
  throw new TypeError(`CRI has no ${method.methodKind} RPC, yet ${method.name} is one`);
}

function isUnary(method: DescMethod): method is DescMethodUnary {
  return method.methodKind === "unary";
}

function isServerStreaming(method: DescMethod): method is DescMethodServerStreaming {
  return method.methodKind === "server_streaming";
}
