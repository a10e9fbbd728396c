import { join } from "node:path";
import { type InstallOptions, unpacked } from "./unpacked.js";

/** The Debian suite that provides kubectl: its version uses WebSocket by default, and SPDY on request. */
const suite = "forky";

/**
 * Installs kubectl if it is missing and returns its path. kubectl contains client-go's streaming clients, which crictl
 * and the kubelet's callers use as well.
 */
export async function installKubectl(options: InstallOptions = {}): Promise<string> {
  return join(await unpacked("kubectl", suite, ["kubectl"], options), "usr/bin/kubectl");
}
