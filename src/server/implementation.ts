import type {
  DescMessage,
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import type { ImageService, RuntimeService } from "../../gen/runtime/v1/api_pb.js";

/** What a handler knows of its call, besides the request. */
export interface CallContext {
  /** The RPC, by CRI's name: `RunPodSandbox`. */
  readonly method: string;
  /** Fires when the client cancels the call or is gone, when its deadline passes, and when the server is closed. */
  readonly signal: AbortSignal;
  /** When the client stops waiting; undefined where it did not say. */
  readonly deadline: Date | undefined;
  /** The request's metadata, names in lower case; several values of one name are joined by `, `. */
  readonly headers: Readonly<Record<string, string>>;
  /** Who calls: a number for each connection of a socket file (`unix:7`), an address elsewhere. */
  readonly peer: string;
  /** Cuts the client's connection, and so all of its calls, as a crash of the server would; for tests of clients. */
  cutConnection(): void;
}

type Maybe<T> = T | Promise<T>;

/**
 * Handlers for the RPCs of a service, by their names in TypeScript: `runPodSandbox`. All of them are optional: a call
 * without a handler is answered with `unimplemented`. A handler may give just the fields that are not empty, or the
 * message's bytes, which are sent as they are; throwing a `CriError` sends its code and text, throwing anything else
 * sends `unknown` and its message, as Go's servers do.
 */
export type Implementation<S extends DescService> = {
  readonly [N in keyof S["method"]]?: S["method"][N] extends DescMethodUnary<infer I, infer O>
    ? UnaryHandler<I, O>
    : S["method"][N] extends DescMethodServerStreaming<infer I, infer O>
      ? StreamHandler<I, O>
      : never;
};

/** Answers a call with one message. */
export type UnaryHandler<I extends DescMessage, O extends DescMessage> = (
  request: MessageShape<I>,
  context: CallContext,
) => Maybe<MessageInitShape<O> | Uint8Array>;

/** Answers a call with messages; is left when the client leaves. A generator that waits then is told by the signal. */
export type StreamHandler<I extends DescMessage, O extends DescMessage> = (
  request: MessageShape<I>,
  context: CallContext,
) => AsyncIterable<MessageInitShape<O> | Uint8Array>;

/**
 * Answers the calls of one path that the schema does not know, with bytes for bytes: the message of the request, and
 * the messages of the answer, of which a unary RPC has one.
 */
export type RawHandler = (
  request: Uint8Array,
  context: CallContext,
  /** The RPC: `/runtime.v1.RuntimeService/SomethingNew`. */
  path: string,
) => AsyncIterable<Uint8Array>;

/** Handlers for RuntimeService. */
export type RuntimeImplementation = Implementation<typeof RuntimeService>;
/** Handlers for ImageService. */
export type ImageImplementation = Implementation<typeof ImageService>;

/** What is served: a service that is left out is unknown to clients. */
export interface Services {
  readonly runtime?: RuntimeImplementation | undefined;
  readonly image?: ImageImplementation | undefined;
  /** Answers what belongs to no service that is served, and RPCs that are newer than this schema. */
  readonly fallback?: RawHandler | undefined;
}
