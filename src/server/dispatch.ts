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
import { CriError, isCriError } from "../core/index.js";
import type { CallContext, Services } from "./implementation.js";

type AnyMethod = DescMethodUnary | DescMethodServerStreaming;
type AnyHandler = (request: unknown, context: CallContext) => unknown;

/** An RPC that is served. */
export interface Route {
  readonly method: AnyMethod;
  readonly handler: AnyHandler | undefined;
}

/** Knows the handlers, and calls them with bytes for bytes, whatever carries them. */
export class Dispatcher {
  readonly #routes = new Map<string, Route>();
  readonly #services = new Set<string>();

  constructor({ runtime, image }: Services) {
    const served = [
      [RuntimeService, runtime],
      [ImageService, image],
    ] as const;
    for (const [service, implementation] of served) {
      if (!implementation) continue;
      this.#services.add(service.typeName);
      // Held to the types of each RPC by `Implementation`; from here on a handler is found by its name.
      const handlers = implementation as Record<string, AnyHandler | undefined>;
      for (const method of service.methods) {
        // Called as a method: an implementation may be an object with a state of its own.
        const found: AnyHandler | undefined = handlers[method.localName];
        const handler = found?.bind(implementation);
        // CRI has no methods of another kind.
        this.#routes.set(`/${service.typeName}/${method.name}`, { method: method as AnyMethod, handler });
      }
    }
  }

  /** The RPC of a path, `/runtime.v1.RuntimeService/Version`. Throws `unimplemented` in the words of Go's servers. */
  find(path: string): Route {
    const route = this.#routes.get(path);
    if (route) return route;
    const [, service = "", method = ""] = path.split("/");
    throw unimplemented(
      this.#services.has(service)
        ? `unknown method ${method} for service ${service}`
        : `unknown service ${service}`,
    );
  }
}

/** Answers a unary call. Rejects with what the client is to be told. */
export async function answerUnary(
  { method, handler }: Route,
  bytes: Uint8Array,
  context: CallContext,
): Promise<Uint8Array> {
  const request = decode(method, bytes);
  return encode(method, await present(method, handler)(request, context));
}

/** Answers a streaming call, message by message. Throws what the client is to be told. */
export async function* answerStream(
  { method, handler }: Route,
  bytes: Uint8Array,
  context: CallContext,
): AsyncGenerator<Uint8Array> {
  const request = decode(method, bytes);
  const messages = present(method, handler)(request, context);
  for await (const message of messages as AsyncIterable<unknown>) yield encode(method, message);
}

function present({ name }: AnyMethod, handler: AnyHandler | undefined): AnyHandler {
  if (handler) return handler;
  throw unimplemented(`method ${name} not implemented`);
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

/** Whatever a handler failed with, as the error that its client is told. */
export function toStatusError(error: unknown): CriError {
  if (isCriError(error)) return error;
  return new CriError({ code: "unknown", reason: "runtime_error", text: textOf(error), cause: error });
}

function unimplemented(text: string): CriError {
  return new CriError({ code: "unimplemented", reason: "unimplemented", text });
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
