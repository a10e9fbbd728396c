import { join } from "node:path";
import { type InstallOptions, unpacked } from "./unpacked.js";

/** The releases of kubectl, by the Debian suite that has them. All use WebSocket by default, and SPDY on request. */
export const kubectlSuites = { "1.32": "trixie", "1.36": "forky" } as const;

/** Options of the installation of kubectl. */
export interface KubectlInstallOptions extends InstallOptions {
  /** @default "1.36" */
  readonly release?: keyof typeof kubectlSuites;
}

/**
 * Installs kubectl if it is missing and returns its path. kubectl contains client-go's streaming clients, which crictl
 * and the kubelet's callers use as well.
 */
export async function installKubectl(options: KubectlInstallOptions = {}): Promise<string> {
  const suite = kubectlSuites[options.release ?? "1.36"];
  return join(await unpacked("kubectl", suite, ["kubectl"], options), "usr/bin/kubectl");
}
