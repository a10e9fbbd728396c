import { type CriError, type CriErrorCode, codeToNumber } from "../core/index.js";
import type { Endpoint } from "../transport/index.js";
import type { OtelAttributes } from "./otel-api.js";

/** An RPC by the names of its schema. */
export interface RpcMethodNames {
  readonly name: string;
  readonly parent: { readonly typeName: string };
}

/** `runtime.v1.RuntimeService/RunPodSandbox`: the name of a span, and `rpc.method`. */
export function fullMethod({ name, parent }: RpcMethodNames): string {
  return `${parent.typeName}/${name}`;
}

/** What is known of a call before it is made, by the stable semantic conventions for RPC. */
export function callAttributes(method: RpcMethodNames, endpoint: Endpoint | undefined): OtelAttributes {
  return { "rpc.system.name": "grpc", "rpc.method": fullMethod(method), ...serverAttributes(endpoint) };
}

function serverAttributes(endpoint: Endpoint | undefined): OtelAttributes {
  switch (endpoint?.kind) {
    case undefined:
      return {};
    case "tcp":
      return { "server.address": endpoint.host, "server.port": endpoint.port, "network.transport": "tcp" };
    case "pipe":
      return { "server.address": endpoint.path, "network.transport": "pipe" };
    case "unix":
      return { "server.address": endpoint.path, "network.transport": "unix" };
    case "abstract":
      return { "server.address": `@${endpoint.name}`, "network.transport": "unix" };
  }
}

/** What is known of a call when it is over. `code` is undefined for a call that succeeded. */
export function endAttributes(error: CriError | undefined, code: CriErrorCode | undefined): OtelAttributes {
  const status = { "rpc.response.status_code": statusName(code) };
  return error ? { ...status, "error.type": errorType(error) } : status;
}

/** Why, where this side knows; else the status, which is all that is known of what a runtime reported. */
function errorType({ reason, code }: CriError): string {
  return reason === "runtime_error" ? statusName(code) : reason;
}

/** gRPC's own name of a status: `OK`, `NOT_FOUND`. It writes one of them with two L. */
function statusName(code: CriErrorCode | undefined): string {
  if (code === "canceled") return "CANCELLED";
  return code?.toUpperCase() ?? "OK";
}

/** The names before the conventions became stable, which differ from those of now. */
export function oldCallAttributes({ parent }: RpcMethodNames): OtelAttributes {
  return { "rpc.system": "grpc", "rpc.service": parent.typeName };
}

/** {@link oldCallAttributes}, of the end. */
export function oldEndAttributes(code: CriErrorCode | undefined): OtelAttributes {
  return { "rpc.grpc.status_code": code ? codeToNumber(code) : 0 };
}
