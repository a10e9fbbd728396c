import { type CriErrorCode, isRecord } from "../../core/index.js";
import type { RpcName } from "../../transport/index.js";
import type { ChaosFault } from "./rules.js";

/**
 * A fault that happened. It has no part of a request or response but ids, names and the image, so that it contains no secrets.
 */
export interface ChaosRecord {
  /** When it happened, in ISO 8601. */
  readonly time: string;
  /** With this seed and the same plan, the same calls have the same faults. */
  readonly seed: string;
  /** The kind of the fault. */
  readonly fault: ChaosFault;
  /** The name of the rule, or `rules[2]` for the third one. */
  readonly rule: string;
  /** The RPC, by its TypeScript name. */
  readonly method: RpcName;
  /** The number of the call among those of its RPC, from 1. */
  readonly call: number;
  /** The number of the message in its stream, from 1: the event that was dropped, the first message that did not arrive. */
  readonly message?: number;
  /** Whether it happened before or after the runtime handled the call; absent for faults of streams and sessions. */
  readonly when?: "before" | "after";
  /** The duration of a delay, of a stall that ends, or until connections are accepted again, in milliseconds. */
  readonly ms?: number;
  /** The code that the client receives. */
  readonly code?: CriErrorCode;
  /** The runtime's own result, for a fault after it: a code or "ok". */
  readonly upstream?: CriErrorCode | "ok";
  /** The sandbox that the request names, or that the runtime created. */
  readonly podSandboxId?: string;
  /** The container that the request names, or that the runtime created. */
  readonly containerId?: string;
  /** `metadata.name` of the sandbox config in the request. */
  readonly podName?: string;
  /** `metadata.uid` of the sandbox config in the request. */
  readonly podUid?: string;
  /** `metadata.name` of the container config in the request. */
  readonly containerName?: string;
  /** The image of the request or of its container config. */
  readonly image?: string;
}

/** The objects that a call is about. */
export type ChaosObjects = Pick<
  ChaosRecord,
  "podSandboxId" | "containerId" | "podName" | "podUid" | "containerName" | "image"
>;

/** Returns the objects that a request is about, and what the runtime has created for it. */
export function objectsOf(request: unknown, response?: unknown): ChaosObjects {
  const config = at(request, "config");
  const sandbox = at(request, "sandboxConfig") ?? (at(config, "image") ? undefined : config);
  const container = at(config, "image") ? config : undefined;
  const found = {
    podSandboxId: text(request, "podSandboxId") ?? text(response, "podSandboxId"),
    containerId: text(request, "containerId") ?? text(response, "containerId"),
    podName: text(at(sandbox, "metadata"), "name"),
    podUid: text(at(sandbox, "metadata"), "uid"),
    containerName: text(at(container, "metadata"), "name"),
    image: text(at(request, "image"), "image") ?? text(at(container, "image"), "image"),
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}

function at(value: unknown, key: string): unknown {
  return isRecord(value) && isRecord(value[key]) ? value[key] : undefined;
}

function text(value: unknown, key: string): string | undefined {
  const found = isRecord(value) ? value[key] : undefined;
  return typeof found === "string" && found !== "" ? found : undefined;
}
