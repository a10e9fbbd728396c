import { ChangeSignal } from "../../core/index.js";
import type { Node, NodeStatus } from "../../kubernetes/index.js";
import type { KubeletLoop } from "../kubelet-view.js";
import type { SourceHost } from "../pod-source.js";
import { patchTypes, resourcePath } from "./api-client.js";
import { type ApiContext, nodeFailures, RetryDelays } from "./api-context.js";
import { statusOf } from "./api-error.js";
import { type ApiNode, apiJson, isNewer } from "./api-objects.js";
import { isSameJson } from "./merge-lists.js";
import {
  hasForeignConditions,
  nodeStatusPatch,
  withKnownTransitions,
  withoutHeartbeats,
} from "./node-status-patch.js";
import { Reflector } from "./reflector.js";
import { StatusPatches } from "./status-patches.js";

/** The dependencies of a {@link NodePublisher} besides the context. */
export interface NodePublisherOptions {
  readonly host: Pick<SourceHost, "node" | "setNode">;
  readonly registerNode: boolean;
  /** The longest time between two reports. */
  readonly reportMs: number;
  /** Called each time the Node was registered. */
  readonly onRegistered: () => void;
}

/** The deadline of requests for the Node, as the kubelet has it. */
const timeoutMs = 10_000;

/** The fields of the Node to create. */
interface Registration {
  readonly metadata: Pick<NonNullable<Node["metadata"]>, "labels" | "annotations">;
  readonly spec: Pick<NonNullable<Node["spec"]>, "taints" | "providerID">;
}

/**
 * Registers the Node at the API server, again after it was deleted, and publishes its status: after each change, and otherwise every five
 * minutes. Passes changes that others make to the Node to the host.
 */
export class NodePublisher implements KubeletLoop {
  readonly #context: ApiContext;
  readonly #options: NodePublisherOptions;
  readonly #path: string;
  readonly #patches: StatusPatches;
  readonly #changed = new ChangeSignal();
  readonly #reflector: Reflector<ApiNode>;
  /** The newest known version; undefined before the first read, and once the Node was deleted. */
  #known: ApiNode | undefined;
  #isRegistered = false;
  readonly #registration: Registration;
  /** The status as it was computed last. */
  #status: NodeStatus<Date> | undefined;
  /** What was reported last, and when. */
  #reported:
    | { readonly uid: string | undefined; readonly status: NodeStatus<string>; readonly atMs: number }
    | undefined;

  constructor(context: ApiContext, options: NodePublisherOptions) {
    this.#context = context;
    this.#options = options;
    this.#patches = new StatusPatches(context);
    // Later, the host's Node includes fields that others have set, which must not be part of a new Node.
    const { metadata: { labels, annotations } = {}, spec: { taints, providerID } = {} } = options.host.node();
    this.#registration = {
      metadata: { ...(labels && { labels }), ...(annotations && { annotations }) },
      spec: { ...(taints && { taints }), ...(providerID && { providerID }) },
    };
    this.#path = resourcePath({ resource: "nodes", name: context.nodeName });
    this.#reflector = new Reflector(context, {
      path: resourcePath({ resource: "nodes" }),
      fieldSelector: `metadata.name=${context.nodeName}`,
      onChange: () => this.#onWatch(),
    });
  }

  /** The uid of the Node; undefined before it is registered. */
  get uid(): string | undefined {
    return this.#isRegistered ? this.#known?.metadata?.uid : undefined;
  }

  /** Whether the Node is being deleted. */
  get isDeleting(): boolean {
    return this.#known?.metadata?.deletionTimestamp !== undefined;
  }

  /** Takes the Node as it was computed. */
  update({ status }: Node<Date>): void {
    this.#status = status;
    this.#changed.notify();
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#reflector.run(signal), this.#report(signal)]);
  }

  #onWatch(): void {
    const [found] = this.#reflector.objects.values();
    if (found) this.#learn(found);
    else if (this.#isRegistered) {
      this.#isRegistered = false;
      this.#known = undefined;
    }
    this.#changed.notify();
  }

  #learn(node: ApiNode): void {
    const known = this.#known?.metadata;
    const isOther = known?.uid !== node.metadata?.uid;
    if (!isOther && !isNewer(node.metadata?.resourceVersion, known?.resourceVersion)) return;
    this.#known = node;
    this.#options.host.setNode({
      ...(node.metadata && { metadata: node.metadata }),
      ...(node.spec && { spec: node.spec }),
      ...(node.status && { status: node.status }),
    });
  }

  async #report(signal: AbortSignal): Promise<void> {
    const delays = new RetryDelays(this.#context);
    const failures = nodeFailures(this.#context, "FailedNodeStatusUpdate");
    while (!signal.aborted)
      try {
        if (!this.#isRegistered) await this.#register(signal);
        await this.#reportStatus(signal);
        delays.reset();
        failures.succeeded();
        await this.#changed.wait({ signal });
      } catch (error) {
        if (signal.aborted) return;
        // The Node was deleted, and is created again.
        if (statusOf(error) === 404) this.#isRegistered = false;
        failures.failed(error);
        await delays.wait(error, signal).catch(() => undefined);
      }
  }

  async #register(signal: AbortSignal): Promise<void> {
    const { client, nodeName } = this.#context;
    const { metadata, spec } = this.#registration;
    if (this.#options.registerNode) {
      const status = apiJson(this.#status ?? this.#options.host.node().status ?? {});
      const body = {
        ...{ apiVersion: "v1", kind: "Node", status },
        metadata: { name: nodeName, ...metadata },
        spec: apiJson(spec),
      };
      try {
        const path = resourcePath({ resource: "nodes" });
        this.#learn(await client.request<ApiNode>("POST", path, { body, timeoutMs, signal }));
        return this.#setRegistered();
      } catch (error) {
        if (statusOf(error) !== 409) throw error;
      }
    }
    const found = await client.request<ApiNode>("GET", this.#path, { timeoutMs, signal });
    this.#learn(found);
    if (this.#options.registerNode) await this.#reconcile(found, signal);
    this.#setRegistered();
  }

  #setRegistered(): void {
    this.#isRegistered = true;
    this.#reported = undefined;
    this.#options.onRegistered();
  }

  /** Sets the labels and annotations of this kubelet on an existing Node. Its taints stay: a node may not change them. */
  async #reconcile(found: ApiNode, signal: AbortSignal): Promise<void> {
    const { client } = this.#context;
    const { labels, annotations } = this.#registration.metadata;
    const changes = {
      labels: differing(labels, found.metadata?.labels),
      annotations: differing(annotations, found.metadata?.annotations),
    };
    if (changes.labels === undefined && changes.annotations === undefined) return;
    const request = { body: { metadata: changes }, contentType: patchTypes.strategic, timeoutMs, signal };
    try {
      this.#learn(await client.request<ApiNode>("PATCH", this.#path, request));
    } catch (error) {
      // Admission may refuse a label: the node works without it.
      if (statusOf(error) !== 403 && statusOf(error) !== 422) throw error;
      nodeFailures(this.#context, "FailedNodeLabels").failed(error);
    }
  }

  async #reportStatus(signal: AbortSignal): Promise<void> {
    const { clock } = this.#context;
    const computed = this.#status ?? this.#options.host.node().status;
    if (computed === undefined) return;
    const known = this.#known;
    const uid = known?.metadata?.uid;
    const status = withKnownTransitions(apiJson(computed) as NodeStatus<string>, known?.status);
    const bare = withoutHeartbeats(status);
    const nowMs = clock.now();
    const isDue =
      this.#reported === undefined ||
      this.#reported.uid !== uid ||
      // A clock that was set back also makes it due.
      Math.abs(nowMs - this.#reported.atMs) >= this.#options.reportMs ||
      !isSameJson(bare, this.#reported.status) ||
      hasForeignConditions(status, known?.status);
    if (!isDue) return;
    const body = { status: nodeStatusPatch(status, known?.status) };
    const patched = await this.#patches.send<ApiNode>(this.#path, body, { timeoutMs, signal });
    this.#reported = { uid, status: bare, atMs: nowMs };
    this.#learn(patched);
  }
}

/** Returns the entries of a map that another one lacks or has with another value; undefined when there are none. */
function differing(
  wanted: Readonly<Record<string, string>> = {},
  found: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> | undefined {
  const entries = Object.entries(wanted).filter(([name, value]) => found[name] !== value);
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}
