import { availableParallelism, hostname, totalmem } from "node:os";
import type { Cri } from "cri-sdk";
import type { NodeInfo } from "../messages.js";

/** Returns what is known of a runtime that has not responded yet. */
export function unknownNode(endpoint: string, readOnly: boolean): NodeInfo {
  // Only a socket of this machine says that the runtime runs here.
  const isLocal = endpoint.startsWith("unix:");
  return {
    endpoint,
    runtimeName: "",
    runtimeVersion: "",
    conditions: [],
    hostName: isLocal ? hostname() : undefined,
    cores: isLocal ? availableParallelism() : undefined,
    memoryBytes: isLocal ? totalmem() : undefined,
    readOnly,
  };
}

/** Asks the runtime for its version and conditions. */
export async function readNode(cri: Cri, before: NodeInfo, signal: AbortSignal): Promise<NodeInfo> {
  const call = { signal, timeoutMs: 10_000 };
  const [version, { status }] = await Promise.all([cri.version(call), cri.runtime.status({}, call)]);
  return {
    ...before,
    runtimeName: version.runtimeName,
    runtimeVersion: version.runtimeVersion,
    conditions: (status?.conditions ?? []).map(({ type, status, reason, message }) => ({
      ...{ type, status, reason, message },
    })),
  };
}
