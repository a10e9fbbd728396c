import { join } from "node:path";
import { type InstallOptions, unpacked } from "./unpacked.js";

/** The Debian suite whose kubectl is used: one that speaks WebSocket by itself, and SPDY when told to. */
const suite = "forky";

/**
 * Makes sure of a kubectl, which brings the streaming clients that crictl and the kubelet's callers are built on, too.
 * Gives its path.
 */
export async function installKubectl(options: InstallOptions = {}): Promise<string> {
  return join(await unpacked("kubectl", suite, ["kubectl"], options), "usr/bin/kubectl");
}
