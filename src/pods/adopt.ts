import { create } from "@bufbuild/protobuf";
import {
  type PodSandboxConfig,
  PodSandboxConfigSchema,
  type PodSandboxStatus,
  type PodSandboxStatusResponse,
} from "../../gen/runtime/v1/api_pb.js";
import { isCriError } from "../core/index.js";
import { fromGoJson } from "../crictl/index.js";
import type { PodKit } from "./kit.js";
import { lookAtDetails } from "./life/look.js";

/** A sandbox's config, and how it is known. */
export interface KnownConfig {
  readonly config: PodSandboxConfig;
  /** `spec`: the sandbox was made with it here. `runtime`: the runtime told all of it. `status`: put together from its status. */
  readonly from: "spec" | "runtime" | "status";
  /** Fields that nobody tells, for `status`; they are empty in the config. */
  readonly missing: readonly string[];
}

/** What a status says nothing of. */
const untold = [
  "hostname",
  "logDirectory",
  "dnsConfig",
  "portMappings",
  "linux.cgroupParent",
  "linux.sysctls",
  "linux.securityContext",
];

/**
 * The config of a sandbox that somebody else made: from the verbose status of containerd, which keeps it; from what the status
 * says otherwise, as on CRI-O.
 */
export async function adoptConfig(
  kit: PodKit,
  podSandboxId: string,
  signal?: AbortSignal,
): Promise<KnownConfig> {
  const { status, info } = await lookAtDetails(kit, podSandboxId, { signal });
  return configOf(status, info);
}

/** The same, of a verbose status that is there already. */
export function configOf(status: PodSandboxStatus, info: PodSandboxStatusResponse["info"]): KnownConfig {
  const config = told(info.info);
  // A config of another sandbox would make containers with wrong labels and logs.
  const agrees =
    config?.metadata?.uid === status.metadata?.uid && config?.metadata?.name === status.metadata?.name;
  if (config && agrees) return { config, from: "runtime", missing: [] };
  return { config: fromStatus(status), from: "status", missing: untold };
}

function told(info: string | undefined): PodSandboxConfig | undefined {
  try {
    return fromGoJson(PodSandboxConfigSchema, info ?? "", { at: ["config"] });
  } catch (error) {
    // Another runtime's idea of details, or of a config, is none of ours.
    if (isCriError(error)) return undefined;
    throw error;
  }
}

function fromStatus({ metadata, labels, annotations, linux }: PodSandboxStatus): PodSandboxConfig {
  const namespaceOptions = linux?.namespaces?.options;
  return create(PodSandboxConfigSchema, {
    ...(metadata ? { metadata } : {}),
    labels,
    annotations,
    linux: namespaceOptions ? { securityContext: { namespaceOptions } } : {},
  });
}
