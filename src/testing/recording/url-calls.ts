import type { Message } from "@bufbuild/protobuf";
import type { AttachRequest, ExecRequest, PortForwardRequest } from "../../../gen/runtime/v1/api_pb.js";
import { criError } from "../../core/index.js";
import type { StreamingServer } from "../../server/index.js";

/** A call that returns a streaming URL. */
export type UrlCall =
  | { readonly rpc: "Exec"; readonly request: ExecRequest }
  | { readonly rpc: "Attach"; readonly request: AttachRequest }
  | { readonly rpc: "PortForward"; readonly request: PortForwardRequest };

/** Returns a call and its request as one of an RPC that returns a streaming URL; undefined for any other RPC. */
export function urlCall(rpc: string, request: Message): UrlCall | undefined {
  // The name determines the type of the request.
  return rpc === "Exec" || rpc === "Attach" || rpc === "PortForward"
    ? ({ rpc, request } as UrlCall)
    : undefined;
}

/**
 * Returns a URL of a streaming server for a call. Handlers learn the number of the call from the id of the container or pod in their
 * context, which is otherwise of no use to them: {@link callOfId}.
 */
export function urlOfCall(server: StreamingServer, call: number, { rpc, request }: UrlCall): string {
  const id = String(call);
  if (rpc === "Exec") return server.exec({ ...request, containerId: id }).url;
  if (rpc === "Attach") return server.attach({ ...request, containerId: id }).url;
  return server.portForward({ podSandboxId: id, port: request.port }).url;
}

/** Returns the entry of the call whose number is the id in a handler's context. */
export function callOfId<T>(calls: ReadonlyMap<number, T>, id: string): T {
  const found = calls.get(Number(id));
  if (found === undefined) throw criError("stream_url_spent", `call ${id} has no session`);
  return found;
}
