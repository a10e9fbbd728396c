import { criError } from "../../core/index.js";
import type { PodSource, SourceHost } from "../pod-source.js";
import type { KubeletAccess, KubeletAccessDecision, KubeletUser } from "../server/index.js";
import { reviewAccess, reviewToken } from "./access-reviews.js";
import { ApiClient } from "./api-client.js";
import { loadKubeConfig } from "./kube-config.js";
import { type ApiServerOptions, apiServerTable } from "./options.js";

/** The Pods that an API server binds to this node, and what else a kubelet and an API server have to do with each other. */
export interface ApiServerSource extends PodSource {
  /**
   * Asks the API server whose token this is (TokenReview): undefined for one that is not valid. Nothing is cached. An option of the
   * kubelet's own API.
   *
   * @throws CriError `api_server_failed`
   */
  readonly authenticate: (token: string, signal?: AbortSignal) => Promise<KubeletUser | undefined>;
  /**
   * Asks the API server whether a user may do this (SubjectAccessReview). Nothing is cached. An option of the kubelet's own API.
   *
   * @throws CriError `api_server_failed`
   */
  readonly authorize: (
    user: KubeletUser,
    access: KubeletAccess,
    signal?: AbortSignal,
  ) => Promise<KubeletAccessDecision>;
}

/**
 * Creates a source of the Pods that an API server binds to this node. It registers the Node, reports its status, renews its Lease, and
 * publishes the statuses and events of the Pods of all sources.
 *
 * @throws CriError `invalid_option`
 */
export function apiServer(options: ApiServerOptions = {}): ApiServerSource {
  apiServerTable.check("apiServer", options);
  return new ApiServer(options);
}

class ApiServer implements ApiServerSource {
  readonly name = "api";
  readonly #options: ApiServerOptions;
  #client: Promise<ApiClient> | undefined;
  #isClosed = false;

  constructor(options: ApiServerOptions) {
    this.#options = options;
  }

  async start(_host: SourceHost): Promise<void> {
    await this.#connect();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    (await this.#client?.catch(() => undefined))?.close();
  }

  readonly authenticate: ApiServerSource["authenticate"] = async (token, signal) =>
    reviewToken(await this.#connect(), token, signal);

  readonly authorize: ApiServerSource["authorize"] = async (user, access, signal) =>
    reviewAccess(await this.#connect(), user, access, signal);

  #connect(): Promise<ApiClient> {
    if (this.#isClosed) throw criError("client_closed", "the source was closed");
    this.#client ??= this.#createClient();
    return this.#client;
  }

  async #createClient(): Promise<ApiClient> {
    const { kubeConfig, kubeconfigFile, requestTimeoutMs: timeoutMs = 30_000 } = this.#options;
    return new ApiClient(kubeConfig ?? (await loadKubeConfig(kubeconfigFile)), { timeoutMs });
  }
}
