import { join } from "node:path";
import type { Message } from "@bufbuild/protobuf";
import type {
  ContainerStatusResponse,
  CreateContainerRequest,
  CreateContainerResponse,
} from "../../../gen/runtime/v1/api_pb.js";

/** A container and the file of its log. */
export interface ContainerLog {
  readonly containerId: string;
  readonly path: string;
}

/** Returns the log that a call shows: of a container that it created, or whose status it returned; undefined for any other call. */
export function logOf(rpc: string, request: Message, response: Message): ContainerLog | undefined {
  if (rpc === "CreateContainer") {
    const { config, sandboxConfig } = request as CreateContainerRequest;
    const { containerId } = response as CreateContainerResponse;
    if (!config?.logPath || !sandboxConfig?.logDirectory) return undefined;
    return { containerId, path: join(sandboxConfig.logDirectory, config.logPath) };
  }
  if (rpc !== "ContainerStatus") return undefined;
  const { status } = response as ContainerStatusResponse;
  return status?.logPath ? { containerId: status.id, path: status.logPath } : undefined;
}
