import type { PodSandboxConfig } from "../../gen/runtime/v1/api_pb.js";
import { cgroupParent, type PodSpec, sandboxConfig } from "./config/index.js";
import { cgroupRoot } from "./host-files.js";
import type { PodKit } from "./kit.js";
import { ownerKeys } from "./owner.js";

/**
 * The config of a pod that this connection makes: with its owner, its logs below the connection's log root, and a cgroup of its
 * own. containerd has no statistics of a pod whose cgroup parent is not named.
 */
export async function ownPodConfig(
  kit: PodKit,
  spec: PodSpec,
  annotations: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<PodSandboxConfig> {
  const owned: PodSpec = {
    ...spec,
    labels: { ...spec.labels, [ownerKeys.owner]: kit.owner },
    annotations: { ...spec.annotations, ...annotations },
  };
  // Before the runtime is asked anything: a spec that is wrong is refused here.
  const config = sandboxConfig(owned, { logRoot: kit.logRoot });
  const uid = config.metadata?.uid ?? "";
  if (config.linux && spec.cgroupParent === undefined) {
    const driver = await kit.cgroups.of(spec.runtimeHandler ?? "", signal);
    if (driver) config.linux.cgroupParent = cgroupParent({ uid, driver, root: cgroupRoot });
  }
  return config;
}
