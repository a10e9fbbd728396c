import { checkArgument, criError, option } from "../../core/index.js";
import { keyed, type Node, type Pod, type PodStatus } from "../../kubernetes/index.js";
import type { KubeletEvent } from "../kubelet-event.js";
import type { PodSource, SourceHost, SourceInputs, SourcePod } from "../pod-source.js";
import type { KubeletAccess, KubeletAccessDecision, KubeletUser } from "../server/index.js";
import { reviewAccess, reviewToken } from "./access-reviews.js";
import { ApiClient } from "./api-client.js";
import type { ApiContext } from "./api-context.js";
import { Connection, sourceName } from "./connection.js";
import { checkKubeConfig, loadKubeConfig } from "./kube-config.js";
import { type ApiServerOptions, apiServerTable } from "./options.js";

/** A source of the Pods that an API server binds to this node, and the functions that the kubelet's own API needs of an API server. */
export interface ApiServerSource extends PodSource {
  /**
   * Returns the user of a token by a TokenReview; undefined for an invalid token. Nothing is cached. An option of the
   * kubelet's own API.
   *
   * @throws CriError `api_server_failed`
   */
  readonly authenticate: (token: string, signal?: AbortSignal) => Promise<KubeletUser | undefined>;
  /**
   * Decides whether a user has an access by a SubjectAccessReview. Nothing is cached. An option of the kubelet's own API.
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

/** How long `close()` waits for statuses and deletions that are on their way. */
const flushMs = 3_000;

class ApiServer implements ApiServerSource {
  readonly name = sourceName;
  readonly #options: ApiServerOptions;
  readonly #closing = new AbortController();
  #client: Promise<ApiClient> | undefined;
  #connection: Connection | undefined;
  #closed: Promise<void> | undefined;
  /** What was reported before the start had ended: other sources may have Pods by then. */
  readonly #early: ((connection: Connection) => void)[] = [];

  constructor(options: ApiServerOptions) {
    this.#options = options;
  }

  async start(host: SourceHost): Promise<void> {
    const client = await this.#connect();
    this.#closing.signal.throwIfAborted();
    const { clock, nodeName, record } = host;
    const { retry = {} } = this.#options;
    const context: ApiContext = { client, clock, nodeName, record, retry };
    const connection = new Connection(context, host, this.#options, this.#closing.signal);
    this.#connection = connection;
    for (const call of this.#early.splice(0)) call(connection);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  readonly authenticate: ApiServerSource["authenticate"] = async (token, signal) => {
    checkArgument("apiServer.authenticate", "token", token, option.string);
    return reviewToken(await this.#connect(), token, signal);
  };

  readonly authorize: ApiServerSource["authorize"] = async (user, access, signal) => {
    checkArgument("apiServer.authorize", "user", user, keyed);
    checkArgument("apiServer.authorize", "access", access, keyed);
    return reviewAccess(await this.#connect(), user, access, signal);
  };

  async prepare(pod: Pod, signal: AbortSignal): Promise<void> {
    await this.#connection?.prepare(pod, signal);
  }

  inputs(pod: Pod): SourceInputs {
    return this.#connection?.inputs(pod) ?? {};
  }

  onStatus(pod: SourcePod, status: PodStatus<Date>): void {
    this.#deliver((connection) => connection.onStatus(pod, status));
  }

  async settleStatus(pod: SourcePod): Promise<void> {
    await this.#connection?.settleStatus(pod);
  }

  onRemoved(pod: SourcePod): void {
    this.#deliver((connection) => connection.onRemoved(pod));
  }

  onEvent(event: KubeletEvent): void {
    this.#deliver((connection) => connection.onEvent(event));
  }

  onNode(node: Node<Date>): void {
    this.#deliver((connection) => connection.onNode(node));
  }

  #deliver(call: (connection: Connection) => void): void {
    if (this.#connection) call(this.#connection);
    else if (!this.#closing.signal.aborted) this.#early.push(call);
  }

  async #close(): Promise<void> {
    this.#early.length = 0;
    await this.#connection?.flush(flushMs);
    this.#closing.abort(criError("client_closed", "the source was closed"));
    await this.#connection?.done;
    (await this.#client?.catch(() => undefined))?.close();
  }

  #connect(): Promise<ApiClient> {
    this.#closing.signal.throwIfAborted();
    this.#client ??= this.#createClient();
    return this.#client;
  }

  async #createClient(): Promise<ApiClient> {
    const { kubeConfig, kubeconfigFile, requestTimeoutMs: timeoutMs = 30_000 } = this.#options;
    if (kubeConfig) checkKubeConfig(kubeConfig);
    return new ApiClient(kubeConfig ?? (await loadKubeConfig(kubeconfigFile)), { timeoutMs });
  }
}
