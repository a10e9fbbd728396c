import { backoff } from "../../core/index.js";
import type { KubeletLoop } from "../kubelet-view.js";
import { resourcePath } from "./api-client.js";
import type { ApiContext } from "./api-context.js";
import { nodeFailures } from "./api-context.js";
import { unlessMissing } from "./api-error.js";
import { type ApiObject, microTimeText } from "./api-objects.js";

interface Lease extends ApiObject {
  readonly spec?: object;
}

/** The dependencies of a {@link NodeLease} besides the context. */
export interface NodeLeaseOptions {
  readonly durationSeconds: number;
  /** The uid of the Node, which owns the Lease; undefined before it is registered. */
  readonly nodeUid: () => string | undefined;
}

/** The deadline of one request, and the back-off, as the kubelet has them: fast, since a node whose Lease expires counts as lost. */
const timeoutMs = 10_000;
const retry = { firstMs: 200, maxMs: 7_000, factor: 2, jitter: 0.2 } as const;

/** Renews the Lease of the Node, the heartbeat of the node: four times in its duration. */
export class NodeLease implements KubeletLoop {
  readonly #context: ApiContext;
  readonly #options: NodeLeaseOptions;
  /** As the API server returned it last; undefined when it has to be read. */
  #lease: Lease | undefined;

  constructor(context: ApiContext, options: NodeLeaseOptions) {
    this.#context = context;
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#context;
    const periodMs = (this.#options.durationSeconds * 1_000) / 4;
    const failures = nodeFailures(this.#context, "FailedLeaseRenewal");
    let delay = backoff(retry);
    while (!signal.aborted) {
      let waitMs: number;
      try {
        await this.#renew(signal);
        failures.succeeded();
        delay = backoff(retry);
        // The jitter keeps the nodes of a cluster apart.
        waitMs = periodMs * (1 + 0.04 * Math.random());
      } catch (error) {
        this.#lease = undefined;
        if (!signal.aborted) failures.failed(error);
        waitMs = Math.min(delay.delayMs(), periodMs);
        delay = delay.next();
      }
      await clock.sleep(waitMs, signal).catch(() => undefined);
    }
  }

  async #renew(signal: AbortSignal): Promise<void> {
    const { client, nodeName } = this.#context;
    const collection = { group: "coordination.k8s.io", namespace: "kube-node-lease", resource: "leases" };
    const path = resourcePath({ ...collection, name: nodeName });
    const read = () => client.request<Lease>("GET", path, { timeoutMs, signal });
    const found = this.#lease ?? (await unlessMissing(read()));
    const body = this.#renewed(found);
    if (found === undefined)
      this.#lease = await client.request<Lease>("POST", resourcePath(collection), {
        body,
        timeoutMs,
        signal,
      });
    else this.#lease = await client.request<Lease>("PUT", path, { body, timeoutMs, signal });
  }

  /** Returns the Lease with the current time. It keeps the version, so that a write of another process is noticed. */
  #renewed(found: Lease | undefined): object {
    const { nodeName, clock } = this.#context;
    const uid = this.#options.nodeUid();
    const owner = uid && { apiVersion: "v1", kind: "Node", name: nodeName, uid };
    return {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: {
        ...{ name: nodeName, namespace: "kube-node-lease" },
        ...found?.metadata,
        // A Node that was created again has another uid; the Lease would be garbage collected with the old Node.
        ...(owner && { ownerReferences: [owner] }),
      },
      spec: {
        ...found?.spec,
        holderIdentity: nodeName,
        leaseDurationSeconds: this.#options.durationSeconds,
        renewTime: microTimeText(clock.now()),
      },
    };
  }
}
