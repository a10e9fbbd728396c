import {
  create,
  type DescMessage,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type DescService,
  fromBinary,
  type Message,
  type MessageInitShape,
} from "@bufbuild/protobuf";
import { ImageService, RuntimeService } from "../../gen/runtime/v1/api_pb.js";
import type { RpcTransport } from "../transport/index.js";
import type { CallContext, ImageImplementation, RuntimeImplementation, Services } from "./implementation.js";
import { Upstream } from "./proxy-forward.js";
import { Witness } from "./proxy-observe.js";
import type { ProxyOptions, ProxyOverrides, UrlMethod } from "./proxy-options.js";

/**
 * Services that forward every RPC to another runtime: `serve(path, proxy(createTransport(runtime), { … }))`. The
 * caller's deadline, cancellation and metadata go on to the upstream; its answers, codes and texts come back as they
 * are, with fields that this schema does not know. RPCs and services it does not know are forwarded, too, where they
 * take one message. What does not pass: metadata of answers.
 *
 * The transport stays its maker's, who closes it when the server is closed. Two upstreams make one server:
 * `{ ...proxy(runtime), image: proxy(images).image }`.
 */
export function proxy(
  upstream: RpcTransport,
  overrides: ProxyOverrides = {},
  options: ProxyOptions = {},
): Services {
  const way = new Upstream(upstream);
  const { observe } = options;
  return {
    runtime: handlersOf(RuntimeService, overrides.runtime, way, options) as RuntimeImplementation,
    image: handlersOf(ImageService, overrides.image, way, options) as ImageImplementation,
    fallback(request, context, path) {
      const answers = () => way.raw(request, context, path);
      return observe ? new Witness(observe, path, request, context).stream(answers) : answers();
    },
  };
}

type Unary = DescMethodUnary<DescMessage, DescMessage>;
type Streaming = DescMethodServerStreaming<DescMessage, DescMessage>;
type AnyInit = MessageInitShape<DescMessage>;
type AnyHandler = (request: Message, context: CallContext) => unknown;
type AnyOverride = (request: Message, context: CallContext, next: (request?: AnyInit) => unknown) => unknown;

/** A handler for each RPC. The types of `Overrides` hold each override to its RPC; here it is found by its name. */
function handlersOf(
  service: DescService,
  overrides: object | undefined,
  way: Upstream,
  options: ProxyOptions,
): Record<string, AnyHandler> {
  const own = (overrides ?? {}) as Record<string, AnyOverride | undefined>;
  // CRI has no methods of another kind.
  const handlers = (service.methods as readonly (Unary | Streaming)[]).map((method) => {
    const override: AnyOverride | undefined = own[method.localName]?.bind(overrides);
    const handler =
      method.methodKind === "unary"
        ? unaryHandler(method, override, way, options)
        : streamHandler(method, override, way, options);
    return [method.localName, handler] as const;
  });
  return Object.fromEntries(handlers);
}

function unaryHandler(
  method: Unary,
  override: AnyOverride | undefined,
  way: Upstream,
  { observe, rewriteUrl }: ProxyOptions,
): AnyHandler {
  const handler: AnyHandler = (request, context) => {
    const next = async (changed: AnyInit = request) => {
      const answer = await way.unary(method, changed, context);
      if (rewriteUrl && isUrlMethod(method.name) && "url" in answer)
        answer.url = rewriteUrl(String(answer.url), method.name);
      return answer;
    };
    return override ? override(request, context, next) : next();
  };
  if (!observe) return handler;
  return (request, context) =>
    new Witness(observe, method.name, request, context).unary(async () => {
      const answer = await handler(request, context);
      return answer instanceof Uint8Array
        ? fromBinary(method.output, answer)
        : create(method.output, answer as AnyInit);
    });
}

function streamHandler(
  method: Streaming,
  override: AnyOverride | undefined,
  way: Upstream,
  { observe }: ProxyOptions,
): AnyHandler {
  const handler = (request: Message, context: CallContext) => {
    const next = (changed: AnyInit = request) => way.stream(method, changed, context);
    return (override ? override(request, context, next) : next()) as AsyncIterable<unknown>;
  };
  if (!observe) return handler;
  return (request, context) =>
    new Witness(observe, method.name, request, context).stream(() => handler(request, context));
}

function isUrlMethod(name: string): name is UrlMethod {
  return name === "Exec" || name === "Attach" || name === "PortForward";
}
