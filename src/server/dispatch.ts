import {
  create,
  type DescMessage,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  toBinary,
} from "@bufbuild/protobuf";
import { ImageService, RuntimeService } from "../../gen/runtime/v1/api_pb.js";
import { CriError } from "../core/index.js";
import { fromTransportError } from "../transport/index.js";
import type { CallContext, RawHandler, Services } from "./implementation.js";

type AnyMethod = DescMethodUnary | DescMethodServerStreaming;
type AnyHandler = (request: unknown, context: CallContext) => unknown;

/** An RPC that is served, with bytes for bytes. */
export type Route =
  | { readonly kind: AnyMethod["methodKind"]; readonly method: AnyMethod; readonly handler?: AnyHandler }
  /** One that the schema does not know: how many messages its answer has is the handler's affair. */
  | { readonly kind: "raw"; readonly path: string; readonly handler: RawHandler };

/** Knows the handlers, and calls them with bytes for bytes, whatever carries them. */
export class Dispatcher {
  readonly #routes = new Map<string, Route>();
  readonly #services = new Set<string>();
  readonly #fallback: RawHandler | undefined;

  constructor({ runtime, image, fallback }: Services) {
    this.#fallback = fallback;
    const served = [
      [RuntimeService, runtime],
      [ImageService, image],
    ] as const;
    for (const [service, implementation] of served) {
      if (!implementation) continue;
      this.#services.add(service.typeName);
      // Held to the types of each RPC by `Implementation`; from here on a handler is found by its name.
      const handlers = implementation as Record<string, AnyHandler | undefined>;
      for (const method of service.methods as readonly AnyMethod[]) {
        // Called as a method: an implementation may be an object with a state of its own.
        const handler: AnyHandler | undefined = handlers[method.localName]?.bind(implementation);
        const route = { kind: method.methodKind, method, ...(handler && { handler }) };
        this.#routes.set(`/${service.typeName}/${method.name}`, route);
      }
    }
  }

  /** The RPC of a path, `/runtime.v1.RuntimeService/Version`. Throws `unimplemented` in the words of Go's servers. */
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

/** The name of a route's RPC: `Version`. */
export function rpcNameOf(route: Route): string {
  return route.kind === "raw" ? splitPath(route.path).method : route.method.name;
}

/** Answers a unary call. Rejects with what the client is to be told. */
export async function answerUnary(
  route: Route,
  bytes: Uint8Array,
  context: CallContext,
): Promise<Uint8Array> {
  if (route.kind !== "raw") {
    const { method } = route;
    return encode(method, await present(route)(decode(method, bytes), context));
  }
  for await (const message of openStream(route, bytes, context)) return message;
  throw new CriError({ code: "internal", reason: "malformed_response", text: "the answer has no message" });
}

/**
 * Begins to answer a streaming call, message by message. Throws what is wrong before a handler was asked, or that it
 * throws at once; the iterable throws what comes later. All of it is what the client is to be told.
 */
export function openStream(
  route: Route,
  bytes: Uint8Array,
  context: CallContext,
): AsyncGenerator<Uint8Array> {
  if (route.kind === "raw")
    return leftOnAbort(route.handler(bytes, context, route.path), context.signal, (message) => message);
  // Asked as a stream, by somebody who does not know the schema.
  if (route.kind === "unary") return single(answerUnary(route, bytes, context));
  const { method } = route;
  const messages = present(route)(decode(method, bytes), context) as AsyncIterable<unknown>;
  return leftOnAbort(messages, context.signal, (message) => encode(method, message));
}

async function* single<T>(answer: Promise<T>): AsyncGenerator<T> {
  yield await answer;
}

/**
 * The messages as bytes. When the call is over, the handler is left even while it waits for its next message: a
 * generator hears of that by its signal only, but an iterator of another kind (`events.on()`) by its `return`.
 */
async function* leftOnAbort<T>(
  messages: AsyncIterable<T>,
  signal: AbortSignal,
  encoded: (message: T) => Uint8Array,
): AsyncGenerator<Uint8Array> {
  const iterator = messages[Symbol.asyncIterator]();
  const leave = () => {
    // A handler's own iterator may throw at once, or give no promise.
    Promise.resolve()
      .then(() => iterator.return?.())
      .catch(() => undefined);
  };
  signal.addEventListener("abort", leave, { once: true });
  try {
    for await (const message of { [Symbol.asyncIterator]: () => iterator }) yield encoded(message);
  } finally {
    signal.removeEventListener("abort", leave);
  }
}

function present({ method, handler }: Exclude<Route, { kind: "raw" }>): AnyHandler {
  if (handler) return handler;
  throw unimplemented(`method ${method.name} not implemented`);
}

function decode({ input }: AnyMethod, bytes: Uint8Array): unknown {
  try {
    return fromBinary(input, bytes);
  } catch (cause) {
    const text = `the request is no ${input.typeName}: ${textOf(cause)}`;
    throw new CriError({ code: "internal", reason: "malformed_response", text, cause });
  }
}

function encode({ output, name }: AnyMethod, message: unknown): Uint8Array {
  if (message instanceof Uint8Array) return message;
  try {
    // What is no message of this type makes protobuf throw.
    return toBinary(output, create(output as DescMessage, message as MessageInitShape<DescMessage>));
  } catch (cause) {
    const text = `the handler of ${name} gave no ${output.typeName}: ${textOf(cause)}`;
    throw new CriError({ code: "internal", reason: "invalid_response", text, cause });
  }
}

/** Whatever a handler failed with, as the error that its client is told; the error of another client keeps its code. */
export function toStatusError(error: unknown): CriError {
  try {
    return fromTransportError(error, {});
  } catch {
    const text = "the handler failed with an error that cannot be shown";
    return new CriError({ code: "unknown", reason: "runtime_error", text });
  }
}

function splitPath(path: string): { readonly service: string; readonly method: string } {
  const cut = path.lastIndexOf("/");
  return path.startsWith("/") && cut > 0
    ? { service: path.slice(1, cut), method: path.slice(cut + 1) }
    : { service: "", method: "" };
}

function unimplemented(text: string): CriError {
  return new CriError({ code: "unimplemented", reason: "unimplemented", text });
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
