import type { CallOptions } from "../core/index.js";
import type { RpcName } from "../transport/index.js";
import type { RuntimeClient } from "./exact-client.js";

/** A runtime handler, such as `runc` or `kata`, and what it can do. */
export interface RuntimeHandlerInfo {
  /** The name that `RunPodSandboxRequest.runtime_handler` takes; "" is the default handler. */
  readonly name: string;
  /** Whether mounts can be made recursively read-only (`Mount.recursive_read_only`). */
  readonly recursiveReadOnlyMounts: boolean;
  /** Whether pods can have a user namespace. */
  readonly userNamespaces: boolean;
}

/** What one runtime can do, as far as it says and as far as it was tried. */
export interface RuntimeInfo {
  /** `containerd`, `cri-o`, ...: VersionResponse.runtime_name. */
  readonly name: string;
  /** VersionResponse.runtime_version, as the runtime writes it: `1.6.20~ds1`, `v2.1.9`. */
  readonly version: string;
  /** VersionResponse.runtime_api_version: `v1`. */
  readonly apiVersion: string;
  /** The handlers it has; empty for runtimes that do not tell (containerd before 2.0). */
  readonly handlers: readonly RuntimeHandlerInfo[];
  /** Whether `supplemental_groups_policy` is honoured; false where the runtime does not tell. */
  readonly supplementalGroupsPolicy: boolean;
  /** Whether a pod may have a user namespace and the host's network; false where the runtime does not tell. */
  readonly userNamespacesHostNetwork: boolean;
  /** Whether `Mount.mount_options` are honoured; false where the runtime does not tell. */
  readonly mountOptions: boolean;
  /** The RPCs that this client called and the runtime answered Unimplemented to. */
  readonly unimplemented: readonly RpcName[];
}

/** Asks Version and Status. */
export async function readRuntimeInfo(
  runtime: Pick<RuntimeClient, "version" | "status">,
  options?: CallOptions,
): Promise<Omit<RuntimeInfo, "unimplemented">> {
  const [version, status] = await Promise.all([runtime.version({}, options), runtime.status({}, options)]);
  return {
    name: version.runtimeName,
    version: version.runtimeVersion,
    apiVersion: version.runtimeApiVersion,
    handlers: status.runtimeHandlers.map(({ name, features }) => ({
      name,
      recursiveReadOnlyMounts: features?.recursiveReadOnlyMounts ?? false,
      userNamespaces: features?.userNamespaces ?? false,
    })),
    supplementalGroupsPolicy: status.features?.supplementalGroupsPolicy ?? false,
    userNamespacesHostNetwork: status.features?.userNamespacesHostNetwork ?? false,
    mountOptions: status.features?.mountOptions ?? false,
  };
}
