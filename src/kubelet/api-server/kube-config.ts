import type { RequestOptions } from "node:https";
import { criError, messageOf } from "../../core/index.js";

/** What is used of a `KubeConfig` of @kubernetes/client-node, of release 1.4 or 2. */
export interface KubeConfigLike {
  /** Returns the cluster of the current context. */
  getCurrentCluster(): {
    readonly server: string;
    readonly skipTLSVerify?: boolean | undefined;
    readonly proxyUrl?: string | undefined;
  } | null;
  /** Adds certificates, headers with tokens and, for proxies, an agent to the options of a request. */
  applyToHTTPSOptions(options: RequestOptions): Promise<void>;
}

/**
 * Loads a kubeconfig file; without a path, as kubectl does: the files of `KUBECONFIG`, `~/.kube/config`, or the service account of the pod
 * that this process runs in.
 *
 * @throws CriError `client_node_missing` when @kubernetes/client-node is not installed, `invalid_file` for a file that cannot be read
 */
export async function loadKubeConfig(file: string | undefined): Promise<KubeConfigLike> {
  const { KubeConfig } = await importClientNode();
  const config = new KubeConfig();
  const path = file ?? "the default kubeconfig";
  try {
    if (file === undefined) config.loadFromDefault();
    else config.loadFromFile(file);
  } catch (error) {
    throw criError("invalid_file", `${path}: cannot be read: ${messageOf(error)}`, { cause: error });
  }
  if (config.getCurrentCluster()) return config;
  throw criError("invalid_file", `${path}: has no cluster for its current context`);
}

async function importClientNode() {
  try {
    // Loaded when it is first needed: it is optional, and takes longer to load than all of this package.
    return await import("@kubernetes/client-node");
  } catch (cause) {
    throw criError("client_node_missing", "@kubernetes/client-node cannot be loaded", {
      cause,
      hint: "Install it: `npm install @kubernetes/client-node`; release 2 needs Node 22 or newer, release 1.4 does not",
    });
  }
}
