import type {
  DescMessage,
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import { ImageService, RuntimeService } from "../../gen/runtime/v1/api_pb.js";
import { type OptionCheck, OptionTable, option } from "../core/index.js";

/** The call that a handler serves, beside the request. */
export interface CallContext {
  /** The RPC by its CRI name: `RunPodSandbox`. */
  readonly method: string;
  /** Fires when the client cancels the call or disconnects, when the deadline passes, and when the server closes. */
  readonly signal: AbortSignal;
  /** When the client's deadline passes; undefined without a deadline. */
  readonly deadline: Date | undefined;
  /** The request's metadata with lower-case names; several values of one name are joined with `, `. */
  readonly headers: Readonly<Record<string, string>>;
  /** The peer: a number per connection on a socket file (`unix:7`), an address elsewhere. */
  readonly peer: string;
  /** Destroys the client's connection with all of its calls, as a server crash would; for tests of clients. */
  cutConnection(): void;
}

/**
 * Handlers for the RPCs of a service, under their TypeScript names: `runPodSandbox`. All of them are optional; a call
 * without a handler fails with `unimplemented`. A handler returns the fields that are not empty, or the encoded message,
 * which is sent unchanged. A thrown `CriError` is sent with its code and text; anything else is sent as `unknown` with its
 * message, as grpc-go does.
 */
export type Implementation<S extends DescService> = {
  readonly [N in keyof S["method"]]?: S["method"][N] extends DescMethodUnary<infer I, infer O>
    ? UnaryHandler<I, O>
    : S["method"][N] extends DescMethodServerStreaming<infer I, infer O>
      ? StreamHandler<I, O>
      : never;
};

/** Handles a unary call. */
export type UnaryHandler<I extends DescMessage, O extends DescMessage> = (
  request: MessageShape<I>,
  context: CallContext,
) => MessageInitShape<O> | Uint8Array | Promise<MessageInitShape<O> | Uint8Array>;

/** Handles a server-streaming call. When the client cancels, the iterator's `return` is called; a waiting generator notices by the signal. */
export type StreamHandler<I extends DescMessage, O extends DescMessage> = (
  request: MessageShape<I>,
  context: CallContext,
) => AsyncIterable<MessageInitShape<O> | Uint8Array>;

/**
 * Handles calls of RPCs that the schema does not contain: it receives the encoded request and returns the encoded
 * response messages, exactly one for a unary RPC.
 */
export type RawHandler = (
  request: Uint8Array,
  context: CallContext,
  /** The RPC's path: `/runtime.v1.RuntimeService/SomethingNew`. */
  path: string,
) => AsyncIterable<Uint8Array>;

/** Handlers for RuntimeService. @interface */
export type RuntimeImplementation = Implementation<typeof RuntimeService>;
/** Handlers for ImageService. @interface */
export type ImageImplementation = Implementation<typeof ImageService>;

/** The services to serve. A service that is omitted is unknown to clients. */
export interface Services {
  /** Handlers for RuntimeService. @default none */
  readonly runtime?: RuntimeImplementation | undefined;
  /** Handlers for ImageService. @default none */
  readonly image?: ImageImplementation | undefined;
  /** Handles calls of other services, and of RPCs that are newer than this schema. */
  readonly fallback?: RawHandler | undefined;
  /**
   * Converts the errors of the handlers of `runtime` and `image` before they are sent, such as those of an engine's client to a
   * `CriError`. What it returns is sent as if the handler had thrown it. @default errors are sent as they are
   */
  readonly mapError?: ((error: unknown, context: CallContext) => unknown) | undefined;
}

/** Returns a check of the handlers of a service: a misspelt name would leave the RPC unimplemented. */
export function handlersOfService<T extends object>({ methods }: DescService): OptionCheck<T> {
  const checks = Object.fromEntries(methods.map(({ localName }) => [localName, option.callback]));
  type Handlers = { readonly [name: string]: ((...args: never[]) => unknown) | undefined };
  return option.handlers(new OptionTable<Handlers>(checks)) as OptionCheck<object>;
}

/** The services of {@link Services}. */
export const servicesTable = new OptionTable<Services>({
  runtime: handlersOfService(RuntimeService),
  image: handlersOfService(ImageService),
  fallback: option.callback,
  mapError: option.callback,
});
