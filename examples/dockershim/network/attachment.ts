// Attaches a pod to a network and detaches it again: calls all plugins of the network, one after the other.
import { criError } from "cri-sdk/server";
import type { Network, PluginConfig } from "./config.js";
import { type PluginCall, runPlugin } from "./plugin.js";

/** The attachment of one pod to a network, as plugins identify it. */
export interface Attachment {
  /** Unique among all pods of all runtimes that use the network on this host. */
  readonly containerId: string;
  /** The path of the pod's network namespace; "" if the namespace no longer exists. */
  readonly netns: string;
  /** The value of `CNI_ARGS`. */
  readonly args: string;
  readonly portMappings: readonly HostPort[];
}

/** A port of the node that is forwarded to the pod, as the portmap plugin expects it. */
export interface HostPort {
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: string;
  readonly hostIP: string;
}

/** What a plugin prints for an ADD. Only this part concerns the shim; the next plugin receives all of it. */
export interface NetworkResult {
  readonly ips?: readonly { readonly address: string }[];
}

/** A network, a pod, and how plugins are run. */
export interface Target extends Pick<PluginCall, "binDirs" | "timeoutMs"> {
  readonly network: Network;
  readonly attachment: Attachment;
}

/** The name of the interface in the pod, as in every other runtime. */
const interfaceName = "eth0";

/** Adds the pod to the network and returns the last plugin's result. Removes the pod again after a failure or a cancellation. */
export async function attach(target: Target, signal: AbortSignal): Promise<NetworkResult> {
  const called: PluginConfig[] = [];
  let result: NetworkResult | undefined;
  try {
    for (const plugin of target.network.plugins) {
      called.unshift(plugin);
      result = parseResult(plugin, await call("ADD", plugin, target, result));
      signal.throwIfAborted();
    }
    return result ?? {};
  } catch (error) {
    // The plugin that failed may have done part of its work. If its DEL fails as well, the others still free their resources.
    for (const plugin of called) await call("DEL", plugin, target).catch(() => undefined);
    throw error;
  }
}

/**
 * Removes the pod from the network; does nothing for a pod that was never added or is already removed. Stops at the first
 * failure: an address must not be free again while a port of the node is still forwarded to it.
 */
export async function detach(target: Target, result?: NetworkResult): Promise<void> {
  for (const plugin of target.network.plugins.toReversed()) await call("DEL", plugin, target, result);
}

function parseResult({ type }: PluginConfig, stdout: string): NetworkResult {
  try {
    // The CNI specification defines the output.
    return JSON.parse(stdout) as NetworkResult;
  } catch (cause) {
    throw criError("runtime_error", `CNI plugin ${type} (ADD) printed no result`, { code: "unknown", cause });
  }
}

function call(
  command: "ADD" | "DEL",
  plugin: PluginConfig,
  { network, attachment, binDirs, timeoutMs }: Target,
  prevResult?: NetworkResult,
): Promise<string> {
  const { name, cniVersion } = network;
  const { containerId, netns, args, portMappings } = attachment;
  const takesPorts = plugin.capabilities?.portMappings === true && portMappings.length > 0;
  return runPlugin({
    command,
    type: plugin.type,
    config: {
      ...plugin,
      name,
      cniVersion,
      ...(prevResult ? { prevResult } : {}),
      ...(takesPorts ? { runtimeConfig: { portMappings } } : {}),
    },
    variables: {
      CNI_CONTAINERID: containerId,
      CNI_NETNS: netns,
      CNI_IFNAME: interfaceName,
      CNI_ARGS: args,
    },
    binDirs,
    timeoutMs,
  });
}
