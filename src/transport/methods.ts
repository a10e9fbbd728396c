import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import type { ImageService, RuntimeService } from "../../gen/runtime/v1/api_pb.js";

/** An RPC of RuntimeService, by its TypeScript name: `runPodSandbox`. */
export type RuntimeRpc = keyof (typeof RuntimeService)["method"];
/** An RPC of ImageService, by its TypeScript name: `pullImage`. */
export type ImageRpc = keyof (typeof ImageService)["method"];
/** One of CRI's 43 RPCs, by its TypeScript name. */
export type RpcName = RuntimeRpc | ImageRpc;

/** The method descriptor of every RPC. */
export type RpcMethods = (typeof RuntimeService)["method"] & (typeof ImageService)["method"];
/** The complete request message of an RPC. */
export type RpcRequest<N extends RpcName> = RpcMethods[N] extends { input: infer I extends DescMessage }
  ? MessageShape<I>
  : never;
/** The complete response message of an RPC; for a server-streaming RPC, one message of the stream. */
export type RpcResponse<N extends RpcName> = RpcMethods[N] extends { output: infer O extends DescMessage }
  ? MessageShape<O>
  : never;
