import type {
  DescMessage,
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import { ImageService, RuntimeService } from "../../gen/runtime/v1/api_pb.js";
import { type CriError, OptionTable, option } from "../core/index.js";
import type { RpcName, RpcRequest, RpcResponse } from "../transport/index.js";
import { type CallContext, handlersOfService } from "./implementation.js";

/**
 * Handlers that replace the upstream for some RPCs. `next(request?)` calls the upstream, by default with the original request; a
 * handler may call it once, several times, or never. A changed copy of a message, `{ ...request, timeout: 5n }`, keeps the fields
 * that this schema does not know.
 */
export type Overrides<S extends DescService> = {
  readonly [N in keyof S["method"]]?: S["method"][N] extends DescMethodUnary<infer I, infer O>
    ? UnaryOverride<I, O>
    : S["method"][N] extends DescMethodServerStreaming<infer I, infer O>
      ? StreamOverride<I, O>
      : never;
};

/** Replaces the upstream for a unary RPC. */
export type UnaryOverride<I extends DescMessage, O extends DescMessage> = (
  request: MessageShape<I>,
  context: CallContext,
  next: (request?: MessageInitShape<I>) => Promise<MessageShape<O>>,
) => MessageInitShape<O> | Uint8Array | Promise<MessageInitShape<O> | Uint8Array>;

/** Replaces the upstream for a server-streaming RPC. */
export type StreamOverride<I extends DescMessage, O extends DescMessage> = (
  request: MessageShape<I>,
  context: CallContext,
  next: (request?: MessageInitShape<I>) => AsyncIterable<MessageShape<O>>,
) => AsyncIterable<MessageInitShape<O> | Uint8Array>;

/** Handlers for RPCs of RuntimeService. @interface */
export type RuntimeOverrides = Overrides<typeof RuntimeService>;
/** Handlers for RPCs of ImageService. @interface */
export type ImageOverrides = Overrides<typeof ImageService>;

/** The RPCs that a proxy handles itself. */
export interface ProxyOverrides {
  /** Handlers for RPCs of RuntimeService. @default none */
  readonly runtime?: RuntimeOverrides | undefined;
  /** Handlers for RPCs of ImageService. @default none */
  readonly image?: ImageOverrides | undefined;
}

/** The services of {@link ProxyOverrides}. */
export const overridesTable = new OptionTable<ProxyOverrides>({
  runtime: handlersOfService(RuntimeService),
  image: handlersOfService(ImageService),
});

/** The RPCs that return a streaming URL. */
export type UrlMethod = "Exec" | "Attach" | "PortForward";

/** Options of {@link proxy}. */
export interface ProxyOptions {
  /**
   * Callback for every call that has ended. Errors that it throws are ignored.
   * @default none
   */
  readonly observe?: ((call: ObservedCall) => void) | undefined;
  /**
   * Replaces the streaming URL of the upstream, for clients and for handlers in `overrides`.
   * @default the upstream's URL
   */
  readonly rewriteUrl?: ((url: string, method: UrlMethod) => string) | undefined;
}

/** The options of {@link ProxyOptions}. */
export const proxyTable = new OptionTable<ProxyOptions>({
  observe: option.callback,
  rewriteUrl: option.callback,
});

/** A call that has ended. Its method narrows the types of `request` and `response`. */
export type ObservedCall = {
  /** The number of response messages. */
  readonly messages: number;
  /** The error for the client; undefined on success. */
  readonly error: CriError | undefined;
  /** The duration of the call, in milliseconds. */
  readonly durationMs: number;
  /** The client, as in {@link CallContext.peer}. */
  readonly peer: string;
} & (
  | {
      readonly [N in RpcName]: {
        /** The CRI name of the RPC, such as `RunPodSandbox`. */
        readonly method: Capitalize<N>;
        /** The client's request. */
        readonly request: RpcRequest<N>;
        /** The response to the client; undefined for a call that failed, and for a stream. */
        readonly response: RpcResponse<N> | undefined;
      };
    }[RpcName]
  /** An RPC that this schema does not contain. */
  | {
      /** The path of the RPC: `/runtime.v1.RuntimeService/SomethingNew`. */
      readonly method: `/${string}`;
      /** The client's request, encoded. */
      readonly request: Uint8Array;
      readonly response: undefined;
    }
);
