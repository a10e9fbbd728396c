import type { RequestOptions } from "node:https";
import { criError, invalidOption, messageOf, rawMessageOf } from "../../core/index.js";

/** What is used of a `KubeConfig` of @kubernetes/client-node, of release 1.4 or 2. */
export interface KubeConfigLike {
  /** Returns the cluster of the current context. */
  getCurrentCluster(): {
    /** The URL of the API server. */
    readonly server: string;
    /** Whether its certificate is not verified. @default false */
    readonly skipTLSVerify?: boolean | undefined;
    /** The URL of a proxy. @default none */
    readonly proxyUrl?: string | undefined;
  } | null;
  /** Adds certificates, headers with tokens and, for proxies, an agent to the options of a request. */
  applyToHTTPSOptions(options: RequestOptions): Promise<void>;
}

/**
 * Refuses a KubeConfig that can never work.
 *
 * @throws CriError `invalid_option`
 */
export function checkKubeConfig(config: KubeConfigLike): void {
  const cluster = config.getCurrentCluster();
  if (!cluster) throw invalidOption("kubeConfig", config, "must have a cluster for its current context");
  const { server, skipTLSVerify, proxyUrl } = cluster;
  if (server.startsWith("http:") && !skipTLSVerify && proxyUrl === undefined)
    throw invalidOption(
      "kubeConfig",
      server,
      "must have `insecure-skip-tls-verify: true` for a server without TLS",
    );
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
  try {
    checkKubeConfig(config);
  } catch (error) {
    throw criError("invalid_file", `${path}: ${rawMessageOf(error)}`, { cause: error });
  }
  return config;
}

async function importClientNode() {
  try {
    // Loaded when it is first needed: the peer dependency is optional, and takes longer to load than this whole package.
    return await import("@kubernetes/client-node");
  } catch (cause) {
    throw criError("client_node_missing", "@kubernetes/client-node cannot be loaded", {
      cause,
      hint: "Install it: `npm install @kubernetes/client-node`; release 2 needs Node 22 or newer, release 1.4 does not",
    });
  }
}
