import { type LinkedController, linkedController } from "../../core/index.js";
import type { ConfigMap, Pod, Secret } from "../../kubernetes/index.js";
import { resourcePath } from "./api-client.js";
import type { ApiContext } from "./api-context.js";
import type { AwaitedRead } from "./awaited-reads.js";
import { type DataResource, podReferences } from "./pod-references.js";
import { Reflector } from "./reflector.js";

type DataObject = ConfigMap | Secret;

/** One watched object. */
interface WatchedObject {
  /** For messages. */
  readonly what: string;
  readonly resource: DataResource;
  readonly namespace: string;
  readonly reflector: Reflector<DataObject>;
  /** The uids of the Pods that use it. */
  readonly users: Set<string>;
  readonly controller: LinkedController;
}

/** The dependencies of {@link DataObjects} besides the context. */
export interface DataObjectsOptions {
  /** Ends all watches. */
  readonly signal: AbortSignal;
  /** Called when an object that these Pods use has changed. */
  readonly refresh: (uids: readonly string[]) => void;
}

/**
 * The ConfigMaps and Secrets that Pods use: one watch for each object, as long as a Pod uses it. The Node authorizer permits just this:
 * watches of single objects that a Pod of this node refers to.
 */
export class DataObjects {
  readonly #context: ApiContext;
  readonly #options: DataObjectsOptions;
  readonly #watched = new Map<string, WatchedObject>();
  /** The keys of the objects by the uids of Pods. */
  readonly #used = new Map<string, ReadonlySet<string>>();

  constructor(context: ApiContext, options: DataObjectsOptions) {
    this.#context = context;
    this.#options = options;
  }

  /** Watches the objects of a Pod, and those only: objects that only an earlier version of it used are released. */
  retain(pod: Pod): void {
    const { uid = "", namespace = "" } = pod.metadata ?? {};
    const wanted = new Set<string>();
    for (const { resource, name } of podReferences(pod)) {
      const key = `${resource}/${namespace}/${name}`;
      wanted.add(key);
      const watched = this.#watched.get(key) ?? this.#watch(key, resource, namespace, name);
      watched.users.add(uid);
    }
    for (const key of this.#used.get(uid) ?? []) if (!wanted.has(key)) this.#release(key, uid);
    this.#used.set(uid, wanted);
  }

  /** Ends the watches of all Pods but these. */
  keepOnly(uids: ReadonlySet<string>): void {
    for (const [uid, keys] of this.#used)
      if (!uids.has(uid)) {
        for (const key of keys) this.#release(key, uid);
        this.#used.delete(uid);
      }
  }

  /** Returns what has not been read yet of a Pod's objects. */
  unread(pod: Pod): AwaitedRead[] {
    return this.#of(pod).flatMap(({ what, reflector }) =>
      reflector.isSynced ? [] : [{ what, reader: reflector }],
    );
  }

  /** Returns the existing objects that a Pod refers to. */
  inputs(pod: Pod): { readonly configMaps: ConfigMap[]; readonly secrets: Secret[] } {
    const found = (resource: DataResource) =>
      this.#of(pod).flatMap((one) => (one.resource === resource ? [...one.reflector.objects.values()] : []));
    return { configMaps: found("configmaps") as ConfigMap[], secrets: found("secrets") as Secret[] };
  }

  #of({ metadata }: Pod): WatchedObject[] {
    return [...(this.#used.get(metadata?.uid ?? "") ?? [])].flatMap((key) => this.#watched.get(key) ?? []);
  }

  #watch(key: string, resource: DataResource, namespace: string, name: string): WatchedObject {
    const users = new Set<string>();
    const controller = linkedController(this.#options.signal);
    const reflector = new Reflector<DataObject>(this.#context, {
      path: resourcePath({ namespace, resource }),
      fieldSelector: `metadata.name=${name}`,
      onChange: () => {
        this.#options.refresh([...users]);
        // An immutable object never changes. If it is deleted, its users keep what they have, as with the kubelet.
        if (reflector.objects.get(`${namespace}/${name}`)?.immutable) controller.abort();
      },
    });
    const watched = { what: key, resource, namespace, reflector, users, controller };
    this.#watched.set(key, watched);
    void reflector.run(controller.signal).finally(controller.unlink);
    return watched;
  }

  #release(key: string, uid: string): void {
    const watched = this.#watched.get(key);
    watched?.users.delete(uid);
    if (!watched || watched.users.size > 0) return;
    watched.controller.abort();
    this.#watched.delete(key);
  }
}
