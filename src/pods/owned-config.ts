import { createHash } from "node:crypto";
import type { PodSandboxConfig } from "../../gen/runtime/v1/api_pb.js";
import { isBytes } from "../core/index.js";
import { cgroupRoot } from "./cgroups.js";
import { type ContainerSpec, cgroupParent, type PodSpec, sandboxConfig } from "./config/index.js";
import type { PodContext } from "./context.js";
import { ownerKeys } from "./ownership.js";

/** Returns a spec with the owner's label and the given annotations. */
export function ownedSpec<S extends PodSpec | ContainerSpec>(
  owner: string,
  spec: S,
  annotations: Readonly<Record<string, string>>,
): S {
  return {
    ...spec,
    labels: { ...spec.labels, [ownerKeys.owner]: owner },
    annotations: { ...spec.annotations, ...annotations },
  };
}

/**
 * Returns the config of a pod that this connection creates: with its owner, a log directory below the connection's log root, and a
 * cgroup parent, since containerd has no stats of a pod without one. The spec is valid: see {@link checkPodSpec}.
 */
export async function ownedPodConfig(
  context: PodContext,
  spec: PodSpec,
  annotations: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<PodSandboxConfig> {
  const config = sandboxConfig(ownedSpec(context.owner, spec, annotations), { logRoot: context.logRoot });
  const uid = config.metadata?.uid ?? "";
  if (config.linux && spec.cgroupParent === undefined) {
    const driver = await context.cgroupDrivers.of(spec.runtimeHandler ?? "", signal);
    if (driver) config.linux.cgroupParent = cgroupParent({ uid, driver, root: cgroupRoot });
  }
  return config;
}

/** Throws `invalid_spec`. The spec is checked as given, before an owner, a uid or an attempt is added to it. */
export function checkPodSpec({ logRoot }: Pick<PodContext, "logRoot">, spec: PodSpec): void {
  sandboxConfig(spec, { logRoot });
}

/** Fields that do not require a new pod or container when they change. */
const unhashed: ReadonlySet<string> = new Set(["name", "namespace", "uid", "attempt", "pullPolicy"]);

/**
 * Returns a hash of a spec that does not depend on the order of its fields. It covers the spec and not the config, so that a release of
 * this package with other defaults recreates nothing.
 */
export function specHash(spec: PodSpec | ContainerSpec): string {
  const hashed = Object.entries(spec).filter(([key]) => !unhashed.has(key));
  return createHash("sha256")
    .update(canonicalText(Object.fromEntries(hashed)))
    .digest("hex")
    .slice(0, 32);
}

function canonicalText(value: unknown): string {
  if (isBytes(value)) return `bytes:${Buffer.from(value).toString("hex")}`;
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(",")}]`;
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, member]) => `${JSON.stringify(key)}:${canonicalText(member)}`).join(",")}}`;
}
