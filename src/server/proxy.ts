import {
  create,
  type DescMessage,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type DescService,
  type Message,
  type MessageInitShape,
} from "@bufbuild/protobuf";
import { ImageService, RuntimeService } from "../../gen/runtime/v1/api_pb.js";
import { type CriError, checkArgument, isBytes, isCriError } from "../core/index.js";
import { decodeMessage, type RpcTransport, transportCheck } from "../transport/index.js";
import { toStatusError } from "./dispatch.js";
import type { CallContext, ImageImplementation, RuntimeImplementation, Services } from "./implementation.js";
import {
  type ObservedCall,
  overridesTable,
  type ProxyOptions,
  type ProxyOverrides,
  proxyTable,
  type UrlMethod,
} from "./proxy-options.js";
import { Upstream } from "./proxy-upstream.js";

/**
 * Creates services that forward every RPC to another runtime: `serve(path, proxy(createTransport(runtime), { … }))`. The caller's
 * deadline, cancellation and metadata reach the upstream; its responses, codes and texts come back unchanged, including fields that
 * this schema does not know. Unknown RPCs and services are forwarded too, if they take one request message. Response metadata is
 * not forwarded.
 *
 * The caller owns the transport and closes it after the server. Two upstreams can form one server:
 * `{ ...proxy(runtime), image: proxy(images).image }`.
 */
export function proxy(
  upstream: RpcTransport,
  overrides: ProxyOverrides = {},
  options: ProxyOptions = {},
): Services {
  checkArgument("proxy", "upstream", upstream, transportCheck);
  overridesTable.check("proxy", overrides);
  proxyTable.check("proxy", options);
  const target = new Upstream(upstream);
  const { observe } = options;
  return {
    runtime: handlersOf(RuntimeService, overrides.runtime, target, options) as RuntimeImplementation,
    image: handlersOf(ImageService, overrides.image, target, options) as ImageImplementation,
    fallback(request, context, path) {
      const responses = () => target.raw(request, context, path);
      return observe ? new CallObserver(observe, path, request, context).stream(responses) : responses();
    },
  };
}

type Unary = DescMethodUnary<DescMessage, DescMessage>;
type Streaming = DescMethodServerStreaming<DescMessage, DescMessage>;
type AnyInit = MessageInitShape<DescMessage>;
type AnyHandler = (request: Message, context: CallContext) => unknown;
type AnyOverride = (request: Message, context: CallContext, next: (request?: AnyInit) => unknown) => unknown;

/** Creates a handler for each RPC. `Overrides` checked the type of each override; here it is looked up by name. */
function handlersOf(
  service: DescService,
  overrides: object | undefined,
  target: Upstream,
  options: ProxyOptions,
): Record<string, AnyHandler> {
  const own = (overrides ?? {}) as Record<string, AnyOverride | undefined>;
  // CRI has no client-streaming methods.
  const handlers = (service.methods as readonly (Unary | Streaming)[]).map((method) => {
    const override: AnyOverride | undefined = own[method.localName]?.bind(overrides);
    const handler =
      method.methodKind === "unary"
        ? unaryHandler(method, override, target, options)
        : streamHandler(method, override, target, options);
    return [method.localName, handler] as const;
  });
  return Object.fromEntries(handlers);
}

function unaryHandler(
  method: Unary,
  override: AnyOverride | undefined,
  target: Upstream,
  { observe, rewriteUrl }: ProxyOptions,
): AnyHandler {
  const handler: AnyHandler = (request, context) => {
    const next = async (changed: AnyInit = request) => {
      const response = await target.unary(method, changed, context);
      if (rewriteUrl && isUrlMethod(method.name) && "url" in response)
        response.url = rewriteUrl(String(response.url), method.name);
      return response;
    };
    return override ? override(request, context, next) : next();
  };
  if (!observe) return handler;
  return (request, context) =>
    new CallObserver(observe, method.name, request, context).unary(async () => {
      const response = await handler(request, context);
      return isBytes(response)
        ? decodeMessage(method.output, response)
        : create(method.output, response as AnyInit);
    });
}

function streamHandler(
  method: Streaming,
  override: AnyOverride | undefined,
  target: Upstream,
  { observe }: ProxyOptions,
): AnyHandler {
  const handler = (request: Message, context: CallContext) => {
    const next = (changed: AnyInit = request) => target.stream(method, changed, context);
    return (override ? override(request, context, next) : next()) as AsyncIterable<unknown>;
  };
  if (!observe) return handler;
  return (request, context) =>
    new CallObserver(observe, method.name, request, context).stream(() => handler(request, context));
}

function isUrlMethod(name: string): name is UrlMethod {
  return name === "Exec" || name === "Attach" || name === "PortForward";
}

/** Reports one call to the `observe` callback when it has ended. */
class CallObserver {
  readonly #observe: (call: ObservedCall) => void;
  readonly #method: string;
  readonly #request: unknown;
  readonly #context: CallContext;
  readonly #startedAt = performance.now();
  #messages = 0;

  constructor(observe: (call: ObservedCall) => void, method: string, request: unknown, context: CallContext) {
    this.#observe = observe;
    this.#method = method;
    this.#request = request;
    this.#context = context;
  }

  async unary<T>(work: () => T | Promise<T>): Promise<T> {
    try {
      const response = await work();
      this.#messages = 1;
      this.#report(response, undefined);
      return response;
    } catch (error) {
      this.#report(undefined, toStatusError(error));
      throw error;
    }
  }

  async *stream<T>(messages: () => AsyncIterable<T>): AsyncGenerator<T> {
    let failure: CriError | undefined;
    try {
      for await (const message of messages()) {
        this.#messages++;
        yield message;
      }
    } catch (error) {
      failure = toStatusError(error);
      throw error;
    } finally {
      this.#report(undefined, failure);
    }
  }

  #report(response: unknown, failure: CriError | undefined): void {
    const { signal, peer } = this.#context;
    // The call ended before its handler did, and the client received that error.
    const error = signal.aborted && isCriError(signal.reason) ? signal.reason : failure;
    const call = {
      method: this.#method,
      request: this.#request,
      response: error ? undefined : response,
      messages: error && response !== undefined ? 0 : this.#messages,
      error,
      durationMs: performance.now() - this.#startedAt,
      peer,
    };
    // The message types follow from the RPC's name, by which the handler was looked up.
    const observe = async () => this.#observe(call as ObservedCall);
    // An observer that throws or rejects must not affect the call.
    observe().catch(() => undefined);
  }
}
