import type { CallOptions } from "../core/index.js";
import type { RpcName } from "../transport/index.js";
import type { RuntimeClient } from "./exact-client.js";

/** A runtime handler, such as `runc` or `kata`, with its features. */
export interface RuntimeHandlerInfo {
  /** The name that `RunPodSandboxRequest.runtime_handler` takes; "" is the default handler. */
  readonly name: string;
  /** Whether it supports recursively read-only mounts (`Mount.recursive_read_only`). */
  readonly recursiveReadOnlyMounts: boolean;
  /** Whether it supports user namespaces for pods. */
  readonly userNamespaces: boolean;
}

/** A runtime's name, version and features: those it reports, and the RPCs that were found missing. */
export interface RuntimeInfo {
  /** `containerd`, `cri-o`, ...: VersionResponse.runtime_name. */
  readonly name: string;
  /** VersionResponse.runtime_version, as the runtime writes it: `1.6.20~ds1`, `v2.1.9`. */
  readonly version: string;
  /** VersionResponse.runtime_api_version: `v1`. */
  readonly apiVersion: string;
  /** Its runtime handlers; empty for runtimes that do not report them (containerd before 2.0). */
  readonly handlers: readonly RuntimeHandlerInfo[];
  /** Whether it honors `supplemental_groups_policy`; false if the runtime does not report it. */
  readonly supplementalGroupsPolicy: boolean;
  /** Whether a pod may combine a user namespace with the host's network; false if the runtime does not report it. */
  readonly userNamespacesHostNetwork: boolean;
  /** Whether it honors `Mount.mount_options`; false if the runtime does not report it. */
  readonly mountOptions: boolean;
  /** The RPCs that this client called and that the runtime does not implement. */
  readonly unimplemented: readonly RpcName[];
}

/** Reads a runtime's name, version and features from Version and Status. */
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
