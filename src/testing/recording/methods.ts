import type {
  DescMessage,
  DescMethodServerStreaming,
  DescMethodStreaming,
  DescMethodUnary,
  DescService,
} from "@bufbuild/protobuf";
import { ImageService, RuntimeService } from "../../../gen/runtime/v1/api_pb.js";
import { criError } from "../../core/index.js";
import { toConnectError } from "../../transport/index.js";

/** The descriptor of an RPC that a recording can contain. */
export type RecordableMethod =
  | DescMethodUnary<DescMessage, DescMessage>
  | DescMethodServerStreaming<DescMessage, DescMessage>;

const services: readonly DescService[] = [RuntimeService, ImageService];
/** CRI has no client-streaming RPCs. */
const methods = services.flatMap((service) => service.methods) as RecordableMethod[];
const byName: ReadonlyMap<string, RecordableMethod> = new Map(methods.map((method) => [method.name, method]));

/** Returns the name of an RPC in recordings: CRI's name, or the path of an RPC of another service. */
export function rpcNameOf(method: { readonly name: string; readonly parent: DescService }): string {
  const isCri = services.some(({ typeName }) => typeName === method.parent.typeName);
  return isCri ? method.name : `/${method.parent.typeName}/${method.name}`;
}

/** Returns the descriptor of one of CRI's RPCs; undefined for an RPC that this schema does not contain. */
export function methodNamed(rpc: string): RecordableMethod | undefined {
  return byName.get(rpc);
}

/**
 * Returns the request of a server-streaming call, the only kind of stream that CRI has. Rejects with the `ConnectError` of
 * `unimplemented` for any other.
 */
export async function onlyRequest<T>(method: DescMethodStreaming, input: AsyncIterable<T>): Promise<T> {
  if (method.methodKind === "server_streaming") for await (const message of input) return message;
  const text = `${method.name} does not have exactly one request, so it cannot be recorded`;
  throw toConnectError(criError("unimplemented", text, { method: method.name }));
}
