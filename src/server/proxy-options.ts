import type {
  DescMessage,
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import type { ImageService, RuntimeService } from "../../gen/runtime/v1/api_pb.js";
import type { CriError } from "../core/index.js";
import type { RpcMethods, RpcName } from "../transport/index.js";
import type { CallContext } from "./implementation.js";

/**
 * Handlers that stand in for the upstream on some RPCs. `next(request?)` asks the upstream, with the request as it
 * came where none is given; a handler may ask it once, several times, or not at all. A changed copy of a message,
 * `{ ...request, timeout: 5n }`, keeps the fields that this schema does not know.
 */
export type Overrides<S extends DescService> = {
  readonly [N in keyof S["method"]]?: S["method"][N] extends DescMethodUnary<infer I, infer O>
    ? UnaryOverride<I, O>
    : S["method"][N] extends DescMethodServerStreaming<infer I, infer O>
      ? StreamOverride<I, O>
      : never;
};

/** Stands in for the upstream on a unary RPC. */
export type UnaryOverride<I extends DescMessage, O extends DescMessage> = (
  request: MessageShape<I>,
  context: CallContext,
  next: (request?: MessageInitShape<I>) => Promise<MessageShape<O>>,
) => MessageInitShape<O> | Uint8Array | Promise<MessageInitShape<O> | Uint8Array>;

/** Stands in for the upstream on a streaming RPC. */
export type StreamOverride<I extends DescMessage, O extends DescMessage> = (
  request: MessageShape<I>,
  context: CallContext,
  next: (request?: MessageInitShape<I>) => AsyncIterable<MessageShape<O>>,
) => AsyncIterable<MessageInitShape<O> | Uint8Array>;

/** What a proxy does itself. */
export interface ProxyOverrides {
  readonly runtime?: Overrides<typeof RuntimeService> | undefined;
  readonly image?: Overrides<typeof ImageService> | undefined;
}

/** The RPCs whose answer is a streaming URL. */
export type UrlMethod = "Exec" | "Attach" | "PortForward";

/** How a proxy behaves besides its overrides. */
export interface ProxyOptions {
  /**
   * Is told of every call when it is over. What it throws harms nobody.
   * @default nobody
   */
  readonly observe?: ((call: ObservedCall) => void) | undefined;
  /**
   * The URL that a client gets in place of the upstream's; a handler of `overrides` gets it, too.
   * @default the upstream's
   */
  readonly rewriteUrl?: ((url: string, method: UrlMethod) => string) | undefined;
}

interface Observed<R, A> {
  /** What the client asked. */
  readonly request: R;
  /** What the client was given: undefined of a call that failed, and of a stream. */
  readonly answer: A | undefined;
  /** How many messages the client was given. */
  readonly messages: number;
  /** What the client was told, or would have been, were it still there. */
  readonly error: CriError | undefined;
  readonly durationMs: number;
  readonly peer: string;
}

type ObservedRpcs = {
  [N in RpcName]: RpcMethods[N] extends {
    input: infer I extends DescMessage;
    output: infer O extends DescMessage;
  }
    ? { readonly method: Capitalize<N> } & Observed<MessageShape<I>, MessageShape<O>>
    : never;
};

/**
 * A call that is over. `method` is CRI's name, and tells the types of `request` and `answer`; for an RPC that this
 * schema does not know it is the path, `/runtime.v1.RuntimeService/SomethingNew`, and the request its bytes.
 */
export type ObservedCall =
  | ObservedRpcs[RpcName]
  | ({ readonly method: `/${string}` } & Observed<Uint8Array, never>);
