import {
  create,
  type DescMessage,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { ImageService, RuntimeService } from "../../gen/runtime/v1/api_pb.js";
import {
  type CriError,
  criError,
  isBytes,
  isCriError,
  isPromiseLike,
  messageOf,
  onAbort,
} from "../core/index.js";
import { decodeMessage, encodeMessage, fromTransportError } from "../transport/index.js";
import type { CallContext, RawHandler, Services } from "./implementation.js";

type AnyMethod = DescMethodUnary | DescMethodServerStreaming;
type AnyHandler = (request: unknown, context: CallContext) => unknown;

/** An RPC that is served; requests and responses pass as bytes. */
export type Route =
  | { readonly kind: AnyMethod["methodKind"]; readonly method: AnyMethod; readonly handler?: AnyHandler }
  /** An RPC that the schema does not contain; the handler decides how many response messages it sends. */
  | { readonly kind: "raw"; readonly path: string; readonly handler: RawHandler };

/** Finds the handler of a path. It works on bytes, so that every carrier (gRPC, memory) shares it. */
export class Dispatcher {
  readonly #routes = new Map<string, Route>();
  readonly #services = new Set<string>();
  readonly #fallback: RawHandler | undefined;

  constructor({ runtime, image, fallback, mapError }: Services) {
    this.#fallback = fallback;
    const served = [
      [RuntimeService, runtime],
      [ImageService, image],
    ] as const;
    for (const [service, implementation] of served) {
      if (!implementation) continue;
      this.#services.add(service.typeName);
      // `Implementation` checked the types of each RPC; from here on a handler is looked up by name.
      const handlers = implementation as Record<string, AnyHandler | undefined>;
      for (const method of service.methods as readonly AnyMethod[]) {
        // Bound, because an implementation may be a class instance with state.
        const bound: AnyHandler | undefined = handlers[method.localName]?.bind(implementation);
        const handler = bound && mapError ? withMappedErrors(method, bound, mapError) : bound;
        const route = { kind: method.methodKind, method, ...(handler && { handler }) };
        this.#routes.set(`/${service.typeName}/${method.name}`, route);
      }
    }
  }

  /** Finds the RPC of a path such as `/runtime.v1.RuntimeService/Version`. Throws `unimplemented` with the text of grpc-go. */
  find(path: string): Route {
    const route = this.#routes.get(path);
    if (route) return route;
    const { service, method } = splitPath(path);
    if (this.#fallback && service !== "" && method !== "")
      return { kind: "raw", path, handler: this.#fallback };
    if (service === "") throw unimplemented(`malformed method name: ${JSON.stringify(path)}`);
    throw unimplemented(
      this.#services.has(service)
        ? `unknown method ${method} for service ${service}`
        : `unknown service ${service}`,
    );
  }
}

/** Returns a handler whose errors are converted, wherever they are thrown: synchronously, by its promise, or while it streams. */
function withMappedErrors(
  { methodKind }: AnyMethod,
  handler: AnyHandler,
  mapError: NonNullable<Services["mapError"]>,
): AnyHandler {
  if (methodKind === "server_streaming")
    return async function* (request, context) {
      try {
        yield* handler(request, context) as AsyncIterable<unknown>;
      } catch (error) {
        throw mapError(error, context);
      }
    };
  return (request, context) => {
    try {
      const response = handler(request, context);
      if (!isPromiseLike(response)) return response;
      return Promise.resolve(response).catch((error: unknown) => {
        throw mapError(error, context);
      });
    } catch (error) {
      throw mapError(error, context);
    }
  };
}

/** Returns the name of a route's RPC: `Version`. */
export function rpcNameOf(route: Route): string {
  return route.kind === "raw" ? splitPath(route.path).method : route.method.name;
}

/** How a carrier wants the responses of handlers. */
export interface ResponseForm<R> {
  /** Encodes a message. Throws `send_limit` if it is too large. */
  encode<D extends DescMessage>(schema: D, message: MessageShape<D>): R;
  /** Converts a message that the handler has encoded. Throws `send_limit` if it is too large. */
  convert(encoded: Uint8Array): R;
}

/** Responses as encoded messages. */
export const plainForm: ResponseForm<Uint8Array> = {
  encode: (schema, message) => encodeMessage(schema, message),
  convert: (encoded) => encoded,
};

/** Runs a unary handler. Throws, or rejects with, the error to send to the client. A handler without promises is answered at once. */
export function handleUnary<R>(
  route: Route,
  bytes: Uint8Array,
  context: CallContext,
  form: ResponseForm<R>,
): R | Promise<R> {
  if (route.kind === "raw") return onlyMessage(handleStream(route, bytes, context, form));
  const { method } = route;
  const response = handlerOf(route)(decode(method, bytes), context);
  return isPromiseLike(response)
    ? Promise.resolve(response).then((message) => encode(method, message, form))
    : encode(method, response, form);
}

async function onlyMessage<R>(messages: AsyncIterable<R>): Promise<R> {
  for await (const message of messages) return message;
  throw criError("malformed_response", "the response has no message");
}

/**
 * Runs a streaming handler. Errors before its first message and errors that the handler throws synchronously are thrown here; later
 * ones are thrown by the iterable. All of them are to be sent to the client.
 */
export function handleStream<R>(
  route: Route,
  bytes: Uint8Array,
  context: CallContext,
  form: ResponseForm<R>,
): AsyncGenerator<R> {
  if (route.kind === "raw") {
    const messages = route.handler(bytes, context, route.path);
    return returnOnAbort(messages, context.signal, (message) => form.convert(message));
  }
  // A client without the schema may call any RPC as a stream.
  if (route.kind === "unary") return single(handleUnary(route, bytes, context, form));
  const { method } = route;
  const messages = handlerOf(route)(decode(method, bytes), context) as AsyncIterable<unknown>;
  return returnOnAbort(messages, context.signal, (message) => encode(method, message, form));
}

async function* single<T>(response: T | Promise<T>): AsyncGenerator<T> {
  yield await response;
}

/**
 * Encodes the messages of a handler, and calls the iterator's `return` when the call ends, even while a message is pending. A waiting
 * generator notices the end only by its signal, but other iterators (`events.on()`) only by `return`.
 */
async function* returnOnAbort<T, R>(
  messages: AsyncIterable<T>,
  signal: AbortSignal,
  encoded: (message: T) => R,
): AsyncGenerator<R> {
  const iterator = messages[Symbol.asyncIterator]();
  const removeCallback = onAbort(signal, () => {
    // A handler's own iterator may throw synchronously, or return a value that is not a promise.
    Promise.resolve()
      .then(() => iterator.return?.())
      .catch(() => undefined);
  });
  try {
    for await (const message of { [Symbol.asyncIterator]: () => iterator }) yield encoded(message);
  } finally {
    removeCallback();
  }
}

function handlerOf({ method, handler }: Exclude<Route, { kind: "raw" }>): AnyHandler {
  if (handler) return handler;
  throw unimplemented(`method ${method.name} not implemented`);
}

function decode({ input }: AnyMethod, bytes: Uint8Array): unknown {
  try {
    return decodeMessage(input, bytes);
  } catch (cause) {
    const text = `the request is not a valid ${input.typeName}: ${messageOf(cause)}`;
    throw criError("malformed_response", text, { cause });
  }
}

function encode<R>({ output, name }: AnyMethod, message: unknown, form: ResponseForm<R>): R {
  if (isBytes(message)) return form.convert(message);
  try {
    return form.encode(output, create(output as DescMessage, message as MessageInitShape<DescMessage>));
  } catch (cause) {
    if (isCriError(cause) && cause.reason === "send_limit") throw cause;
    const text = `the handler of ${name} did not return a valid ${output.typeName}: ${messageOf(cause)}`;
    throw criError("invalid_response", text, { cause });
  }
}

/** Converts whatever a handler threw to the error to send; errors of another gRPC client keep their code. */
export function toStatusError(error: unknown): CriError {
  try {
    return fromTransportError(error, {});
  } catch {
    const text = "the handler failed with an error that cannot be shown";
    return criError("runtime_error", text, { code: "unknown" });
  }
}

function splitPath(path: string): { readonly service: string; readonly method: string } {
  const cut = path.lastIndexOf("/");
  return path.startsWith("/") && cut > 0
    ? { service: path.slice(1, cut), method: path.slice(cut + 1) }
    : { service: "", method: "" };
}

function unimplemented(text: string): CriError {
  return criError("unimplemented", text);
}
