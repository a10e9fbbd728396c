import { create } from "@bufbuild/protobuf";
import {
  type PodSandboxConfig,
  PodSandboxConfigSchema,
  type PodSandboxStatus,
  type PodSandboxStatusResponse,
} from "../../gen/runtime/v1/api_pb.js";
import { criError, isCriError, withJson } from "../core/index.js";
import { fromGoJson } from "../crictl/index.js";
import type { PodContext } from "./context.js";
import type { PodFacts } from "./facts.js";
import type { LookUpOptions } from "./options.js";
import { configInRuntimeSpec, missingFromRuntimeSpec } from "./runtime-spec.js";
import { getSandboxDetails } from "./status.js";

/** A sandbox's config, and its source. */
export interface KnownConfig {
  /** The config of the sandbox. */
  readonly config: PodSandboxConfig;
  /**
   * `spec`: this client created the sandbox with it. `runtime`: the runtime reported it whole. `status`: reconstructed from the status;
   * on CRI-O, the verbose status has most of it.
   */
  readonly from: "spec" | "runtime" | "status";
  /** For `status`: the fields that the runtime does not report. They are empty in the config. */
  readonly missing: readonly string[];
}

/** A sandbox as this connection knows it: its metadata, and its config, which is fetched when it is first needed. */
export class Sandbox {
  readonly facts: PodFacts;
  readonly #context: Pick<PodContext, "runtime" | "endpoint">;
  #known: KnownConfig | undefined;

  constructor(context: Pick<PodContext, "runtime" | "endpoint">, facts: PodFacts, known?: KnownConfig) {
    this.#context = context;
    this.facts = facts;
    this.#known = known && withJson({ ...known });
  }

  /** The config, if it is known already. */
  get known(): KnownConfig | undefined {
    return this.#known;
  }

  /** Returns the config; asks the runtime for it once if this client did not create the sandbox. */
  async adopt(options?: LookUpOptions): Promise<KnownConfig> {
    if (this.#known) return this.#known;
    const { status, info } = await getSandboxDetails(this.#context, this.facts.id, options);
    this.#known = withJson(configOf(status, info));
    return this.#known;
  }

  /**
   * Returns the config that CreateContainer needs. Rejects with `config_unknown` when the runtime does not report all of it, unless
   * `allowPartial` is set.
   */
  async configForContainers(
    signal: AbortSignal | undefined,
    allowPartial = false,
  ): Promise<PodSandboxConfig> {
    const known = await this.adopt({ signal });
    const missing = known.missing.filter((field) => neededForContainers.has(field));
    if (missing.length === 0 || allowPartial) return known.config;
    const { namespace, name } = this.facts;
    throw criError(
      "config_unknown",
      `pod ${namespace}/${name}: the runtime does not report these fields of the pod's config: ${missing.join(", ")}`,
      {
        hint: "Pass `allowPartialConfig: true` to create the container without them",
        endpoint: this.#context.endpoint,
      },
    );
  }
}

/** The fields that a status does not contain. */
const missingFromStatus = [
  "hostname",
  "logDirectory",
  "dnsConfig",
  "portMappings",
  "linux.cgroupParent",
  "linux.sysctls",
  "linux.securityContext",
];

/** The fields that CreateContainer needs on some runtime. The others are settings of the sandbox itself. */
const neededForContainers: ReadonlySet<string> = new Set([
  "hostname",
  "logDirectory",
  "portMappings",
  "linux.cgroupParent",
  "linux.securityContext",
]);

/**
 * Returns the config of a sandbox from its verbose status: containerd includes the whole config, and CRI-O most of it, in annotations of
 * its runtime spec; for other runtimes it is reconstructed from the status.
 */
export function configOf(status: PodSandboxStatus, info: PodSandboxStatusResponse["info"]): KnownConfig {
  const config = configInInfo(info.info);
  // With another sandbox's config, containers would get wrong labels and logs.
  const agrees =
    config?.metadata?.uid === status.metadata?.uid && config?.metadata?.name === status.metadata?.name;
  if (config && agrees) return { config, from: "runtime", missing: [] };
  const common = configFromStatus(status);
  const reported = configInRuntimeSpec(info.info, status.id);
  if (!reported) return { config: common, from: "status", missing: missingFromStatus };
  const { metadata, labels, annotations } = common;
  const known = { ...(metadata ? { metadata } : {}), labels, annotations, ...reported };
  return { config: create(PodSandboxConfigSchema, known), from: "status", missing: missingFromRuntimeSpec };
}

function configInInfo(info: string | undefined): PodSandboxConfig | undefined {
  try {
    return fromGoJson(PodSandboxConfigSchema, info ?? "", { at: ["config"] });
  } catch (error) {
    // The format of the verbose info is up to the runtime.
    if (isCriError(error)) return undefined;
    throw error;
  }
}

function configFromStatus({ metadata, labels, annotations, linux }: PodSandboxStatus): PodSandboxConfig {
  const namespaceOptions = linux?.namespaces?.options;
  return create(PodSandboxConfigSchema, {
    ...(metadata ? { metadata } : {}),
    labels,
    annotations,
    linux: namespaceOptions ? { securityContext: { namespaceOptions } } : {},
  });
}
