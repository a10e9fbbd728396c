import { onAbort } from "../../core/index.js";
import type { Node, Pod, PodStatus } from "../../kubernetes/index.js";
import type { KubeletEvent } from "../kubelet-event.js";
import type { SourceHost, SourceInputs, SourcePod } from "../pod-source.js";
import { resourcePath } from "./api-client.js";
import type { ApiContext } from "./api-context.js";
import { type ApiPod, keyOf } from "./api-objects.js";
import { allRead } from "./awaited-reads.js";
import { ClusterObjects } from "./cluster-objects.js";
import { DataObjects } from "./data-objects.js";
import { EventWriter } from "./event-writer.js";
import { isMirror, MirrorPods } from "./mirror-pods.js";
import { NodeLease } from "./node-lease.js";
import { NodePublisher } from "./node-publisher.js";
import type { ApiServerOptions } from "./options.js";
import { PodStatuses } from "./pod-statuses.js";
import { Reflector } from "./reflector.js";
import { ServiceAccountTokens } from "./service-account-tokens.js";

/** The name of this source. */
export const sourceName = "api";

/** What one kubelet and its API server have to do with each other, from the start until the signal fires. */
export class Connection {
  /** Resolves when all has ended. Never rejects. */
  readonly done: Promise<void>;
  readonly #context: ApiContext;
  readonly #host: SourceHost;
  readonly #pods: Reflector<ApiPod>;
  readonly #cluster: ClusterObjects;
  readonly #data: DataObjects;
  readonly #tokens: ServiceAccountTokens;
  readonly #statuses: PodStatuses;
  readonly #mirrors: MirrorPods;
  readonly #node: NodePublisher;
  readonly #events: EventWriter | undefined;
  #startPods: () => void = () => undefined;

  constructor(context: ApiContext, host: SourceHost, options: ApiServerOptions, signal: AbortSignal) {
    const { nodeStatusReportMs = 300_000, leaseDurationSeconds = 40 } = options;
    this.#context = context;
    this.#host = host;
    this.#pods = new Reflector(context, {
      path: resourcePath({ resource: "pods" }),
      // The Node authorizer permits this selector only.
      fieldSelector: `spec.nodeName=${context.nodeName}`,
      onChange: (changed) => this.#onPods(changed),
    });
    const shared = { signal, refresh: (uids: readonly string[]) => host.refresh(uids) };
    this.#cluster = new ClusterObjects(context);
    this.#data = new DataObjects(context, shared);
    this.#tokens = new ServiceAccountTokens(context, shared);
    this.#statuses = new PodStatuses(context, { signal, represented: (pod) => this.#represented(pod) });
    this.#node = new NodePublisher(context, {
      host,
      registerNode: options.registerNode ?? true,
      reportMs: nodeStatusReportMs,
      onRegistered: () => {
        this.#startPods();
        this.#mirrors.review();
      },
    });
    const nodeUid = () => this.#node.uid;
    this.#mirrors = new MirrorPods(context, {
      podsOfNode: () => (this.#pods.isSynced ? this.#pods.objects : undefined),
      allPods: () => host.allPods(),
      nodeUid,
    });
    const lease = new NodeLease(context, { durationSeconds: leaseDurationSeconds, nodeUid });
    this.#events = options.writeEvents === false ? undefined : new EventWriter(context);
    const loops = [this.#cluster, this.#mirrors, this.#node, lease, ...(this.#events ? [this.#events] : [])];
    this.done = Promise.all([...loops.map((loop) => loop.run(signal)), this.#runPods(signal)]).then(
      () => undefined,
    );
  }

  async prepare(pod: Pod, signal: AbortSignal): Promise<void> {
    this.#data.retain(pod);
    this.#tokens.retain(pod);
    const { services, runtimeClasses } = this.#cluster;
    const collections = [
      { what: "services", reader: services },
      ...(pod.spec?.runtimeClassName ? [{ what: "runtimeclasses", reader: runtimeClasses }] : []),
    ].filter(({ reader }) => !reader.isSynced);
    await allRead(
      this.#context,
      [...collections, ...this.#data.unread(pod), ...this.#tokens.unread(pod)],
      signal,
    );
  }

  inputs(pod: Pod): SourceInputs {
    return {
      ...this.#cluster.inputs,
      ...this.#data.inputs(pod),
      serviceAccountTokens: this.#tokens.inputs(pod),
    };
  }

  onStatus(pod: SourcePod, status: PodStatus<Date>): void {
    if (pod.source !== sourceName) this.#mirrors.update(pod);
    this.#statuses.update(pod, status);
  }

  settleStatus(pod: SourcePod): Promise<void> {
    return this.#statuses.settle(pod);
  }

  onRemoved(pod: SourcePod): void {
    if (pod.source === sourceName) this.#statuses.removed(pod);
    else {
      this.#mirrors.removed(pod);
      this.#statuses.forget(pod.pod.metadata?.uid ?? "");
    }
  }

  onEvent(event: KubeletEvent): void {
    this.#events?.add(event);
  }

  onNode(node: Node<Date>): void {
    this.#node.update(node);
    // Other sources may have given their Pods since: only then are mirrors without a static pod known to be outdated.
    this.#mirrors.review();
  }

  /** Waits until pending requests are done, at most this long. */
  async flush(timeoutMs: number): Promise<void> {
    await this.#statuses.flush(timeoutMs);
  }

  /** Admission needs the labels and taints that the Node has at the API server, even for Pods that already run. */
  async #runPods(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#startPods = resolve;
      onAbort(signal, resolve);
    });
    await this.#pods.run(signal);
  }

  #onPods(changed: readonly ApiPod[] | undefined): void {
    const all = [...this.#pods.objects.values()];
    const own = all.filter((pod) => !isMirror(pod));
    const uids = new Set(own.map(({ metadata }) => metadata?.uid ?? ""));
    this.#data.keepOnly(uids);
    this.#tokens.keepOnly(uids);
    this.#host.setPods(own);
    this.#mirrors.review();
    this.#statuses.keepOnly((pod) => this.#represented(pod) !== undefined);
    for (const pod of changed ?? all) {
      const { uid = "" } = isMirror(pod)
        ? (this.#mirrors.staticOf(pod)?.pod.metadata ?? {})
        : (pod.metadata ?? {});
      this.#statuses.review(uid, pod);
    }
  }

  #represented(pod: SourcePod): ApiPod | undefined {
    if (pod.source !== sourceName) return this.#mirrors.mirrorOf(pod);
    const found = this.#pods.objects.get(keyOf(pod.pod));
    return found?.metadata?.uid === pod.pod.metadata?.uid ? found : undefined;
  }
}
