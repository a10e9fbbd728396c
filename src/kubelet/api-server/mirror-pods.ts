import { ChangeSignal, kubernetesAnnotations } from "../../core/index.js";
import { type Pod, timeText } from "../../kubernetes/index.js";
import { podEventObject } from "../event-objects.js";
import type { KubeletLoop } from "../kubelet-view.js";
import type { SourcePod } from "../pod-source.js";
import { resourcePath } from "./api-client.js";
import { type ApiContext, FailureReporter, RetryDelays } from "./api-context.js";
import { statusOf } from "./api-error.js";
import { type ApiPod, apiJson, keyOf } from "./api-objects.js";
import { deletePod } from "./delete-pod.js";

const {
  configMirror: mirrorAnnotation,
  configHash: hashAnnotation,
  configSource: sourceAnnotation,
  configSeen: seenAnnotation,
} = kubernetesAnnotations;

/** Whether a Pod of the API server is a mirror pod. */
export function isMirror({ metadata }: Pod | ApiPod): boolean {
  return metadata?.annotations?.[mirrorAnnotation] !== undefined;
}

/** The dependencies of {@link MirrorPods} besides the context. */
export interface MirrorPodsOptions {
  /** The Pods of this node at the API server, by `namespace/name`; undefined before they were read. */
  readonly podsOfNode: () => ReadonlyMap<string, ApiPod> | undefined;
  /** The Pods of all sources; undefined before each source has given its Pods. */
  readonly allPods: () => readonly SourcePod[] | undefined;
  /** The uid of the Node, which owns mirrors; undefined before it is registered. */
  readonly nodeUid: () => string | undefined;
}

/** Creates mirror pods for static pods, and deletes those whose static pod is removed or has changed. */
export class MirrorPods implements KubeletLoop {
  readonly #context: ApiContext;
  readonly #options: MirrorPodsOptions;
  readonly #changed = new ChangeSignal();
  /** The static pods that are on the node, by uid. */
  readonly #static = new Map<string, SourcePod>();
  readonly #failures = new Map<string, FailureReporter>();

  constructor(context: ApiContext, options: MirrorPodsOptions) {
    this.#context = context;
    this.#options = options;
  }

  /** Takes a static pod, whenever it has changed. */
  update(pod: SourcePod): void {
    const uid = pod.pod.metadata?.uid ?? "";
    const isNew = !this.#static.has(uid);
    this.#static.set(uid, pod);
    if (isNew) this.#changed.notify();
  }

  /** Takes a static pod that is removed from the node. */
  removed({ pod }: SourcePod): void {
    const { uid = "" } = pod.metadata ?? {};
    this.#static.delete(uid);
    this.#failures.delete(uid);
    this.#changed.notify();
  }

  /** Reconciles all mirror pods: the Pods of the API server have changed, or the Node was registered. */
  readonly review = (): void => {
    this.#changed.notify();
  };

  /** Returns the mirror of a static pod; undefined if there is none, or one of an older version. */
  mirrorOf({ pod }: SourcePod): ApiPod | undefined {
    const found = this.#options.podsOfNode()?.get(keyOf(pod));
    const isCurrent = found && isMirror(found) && !found.metadata?.deletionTimestamp;
    return isCurrent && hashOf(found, mirrorAnnotation) === hashOf(pod, hashAnnotation) ? found : undefined;
  }

  /** Returns the static pod of a mirror pod. */
  staticOf(mirror: ApiPod): SourcePod | undefined {
    const hash = hashOf(mirror, mirrorAnnotation);
    return this.#current().find(
      ({ pod }) => hashOf(pod, hashAnnotation) === hash && keyOf(pod) === keyOf(mirror),
    );
  }

  async run(signal: AbortSignal): Promise<void> {
    const delays = new RetryDelays(this.#context);
    while (!signal.aborted)
      try {
        await this.#reconcile(signal);
        delays.reset();
        await this.#changed.wait({ signal });
      } catch (error) {
        if (signal.aborted) return;
        await delays.wait(error, signal).catch(() => undefined);
      }
  }

  /** The static pods by name: of two, of which one replaces the other, the one that its source has now. */
  #current(): SourcePod[] {
    const given = new Set(this.#options.allPods()?.map(({ pod }) => pod.metadata?.uid));
    const byKey = new Map<string, SourcePod>();
    for (const [uid, pod] of this.#static) {
      const key = keyOf(pod.pod);
      if (!byKey.has(key) || given.has(uid)) byKey.set(key, pod);
    }
    return [...byKey.values()];
  }

  /** Tries all, and then rejects with the first failure. */
  async #reconcile(signal: AbortSignal): Promise<void> {
    const podsOfNode = this.#options.podsOfNode();
    const nodeUid = this.#options.nodeUid();
    if (podsOfNode === undefined || nodeUid === undefined) return;
    const failures: unknown[] = [];
    const attempt = async (work: Promise<void>) => {
      await work.catch((error: unknown) => failures.push(error));
      signal.throwIfAborted();
    };
    for (const mirror of podsOfNode.values())
      if (isMirror(mirror) && this.#isObsolete(mirror)) await attempt(this.#delete(mirror, signal));
    for (const pod of this.#current()) {
      const found = podsOfNode.get(keyOf(pod.pod));
      // A deletion arrives by the watch, and then this runs again.
      if (!found) await attempt(this.#create(pod, nodeUid, signal));
    }
    if (failures.length > 0) throw failures[0];
  }

  #isObsolete(mirror: ApiPod): boolean {
    if (mirror.metadata?.deletionTimestamp) return true;
    if (this.staticOf(mirror)) return false;
    // A replaced one that still stops keeps its mirror; others go once it is certain that no source has their static pod.
    const names = this.#current().map(({ pod }) => keyOf(pod));
    if (names.includes(keyOf(mirror))) return true;
    const all = this.#options.allPods();
    return all !== undefined && !all.some(({ pod }) => keyOf(pod) === keyOf(mirror) && !isMirror(pod));
  }

  async #delete(mirror: ApiPod, signal: AbortSignal): Promise<void> {
    const { name, namespace, uid } = mirror.metadata ?? {};
    try {
      const path = resourcePath({ namespace, resource: "pods", name });
      await deletePod(this.#context.client, path, uid, signal);
    } catch (error) {
      // It is gone, or another one.
      if (statusOf(error) !== 404 && statusOf(error) !== 409) throw error;
    }
  }

  async #create({ pod, source }: SourcePod, nodeUid: string, signal: AbortSignal): Promise<void> {
    const { client, clock, nodeName } = this.#context;
    const { name = "", namespace = "", labels, annotations } = pod.metadata ?? {};
    const hash = hashOf(pod, hashAnnotation);
    const metadata = {
      ...{ name, namespace },
      ...(labels && { labels }),
      annotations: {
        [sourceAnnotation]: source,
        [seenAnnotation]: timeText(new Date(clock.now())),
        ...annotations,
        [hashAnnotation]: hash,
        [mirrorAnnotation]: hash,
      },
      ownerReferences: [{ apiVersion: "v1", kind: "Node", name: nodeName, uid: nodeUid, controller: true }],
    };
    const spec = apiJson({ ...pod.spec, nodeName });
    const body = { apiVersion: "v1", kind: "Pod", metadata, spec };
    try {
      await client.request("POST", resourcePath({ namespace, resource: "pods" }), { body, signal });
    } catch (error) {
      // One that the watch has not shown yet, or a Pod of another node.
      if (statusOf(error) === 409) return;
      if (statusOf(error) !== undefined) this.#failuresOf(pod).failed(error);
      throw error;
    }
  }

  #failuresOf(pod: Pod): FailureReporter {
    const object = podEventObject(pod);
    const known = this.#failures.get(object.uid);
    if (known) return known;
    const created = new FailureReporter((message) =>
      this.#context.record({ type: "Warning", reason: "FailedCreateMirrorPod", message, object }),
    );
    this.#failures.set(object.uid, created);
    return created;
  }
}

/** The hash of a static pod, or the one that its mirror shows; without one, its uid, as with the kubelet. */
function hashOf({ metadata }: Pod | ApiPod, annotation: string): string {
  return metadata?.annotations?.[annotation] ?? metadata?.uid ?? "";
}
