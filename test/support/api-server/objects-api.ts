import { randomUUID } from "node:crypto";
import {
  ApiError,
  alreadyExists,
  badRequest,
  conflict,
  expired,
  forbidden,
  invalid,
  notFound,
} from "./api-error.js";
import {
  isEqual,
  isObject,
  type JsonObject,
  type JsonValue,
  listAt,
  numberAt,
  objectAt,
  textAt,
  without,
} from "./json.js";
import { jsonPatch } from "./json-patch.js";
import { type KubeMetadata, type KubeObject, timestamp, withMetadata } from "./kube-object.js";
import { mergePatch } from "./merge-patch.js";
import { randomSuffix } from "./names.js";
import { patchTypeOf } from "./patch-schema.js";
import { bound, resized, withEphemeralContainers } from "./pod-strategy.js";
import { groupVersion, type Resource, resourceNamed } from "./resources.js";
import type { Selector } from "./selectors.js";
import type { ObjectStore } from "./store.js";
import { strategicPatch } from "./strategic-patch.js";
import { strategyOf } from "./strategies.js";

/** The formats of patches, by content type. */
export const patchTypes = {
  "application/json-patch+json": "json",
  "application/merge-patch+json": "merge",
  "application/strategic-merge-patch+json": "strategic",
} as const;
export type PatchKind = (typeof patchTypes)[keyof typeof patchTypes];

/** Which object, or with an empty name, which objects. */
export interface Target {
  readonly resource: Resource;
  /** "" for objects without a namespace, and for those of all namespaces. */
  readonly namespace: string;
  readonly name: string;
  /** Such as `status`, or "". */
  readonly subresource: string;
}

/** A page of a list. */
export interface Page {
  readonly version: number;
  readonly items: readonly KubeObject[];
  readonly continue?: string;
  readonly remaining?: number;
}

/** The fields of a list request. */
export interface ListRequest {
  readonly selects: Selector;
  readonly resourceVersion?: string | undefined;
  readonly resourceVersionMatch?: string | undefined;
  readonly limit?: number | undefined;
  readonly continue?: string | undefined;
}

/** The options of a deletion. */
export interface DeleteOptions {
  readonly gracePeriodSeconds?: number | undefined;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string } | undefined;
  readonly dryRun?: boolean | undefined;
}

/** The result of a deletion: the object, if it still exists or had a grace period. */
export interface Deleted {
  readonly object: KubeObject;
  readonly isGone: boolean;
}

/** Reads and changes the objects of a store by the rules of the Kubernetes API. It knows neither HTTP nor users. */
export class ObjectsApi {
  readonly store: ObjectStore;
  readonly #mountTokens: boolean;

  constructor(store: ObjectStore, mountTokens: boolean) {
    this.store = store;
    this.#mountTokens = mountTokens;
  }

  get({ resource, namespace, name }: Target): KubeObject {
    const found = this.store.get(resource.plural, namespace, name);
    if (!found) throw notFound(resource, name);
    return found;
  }

  /** Returns a page of the list, all pages as of the same version. */
  list({ resource, namespace }: Target, request: ListRequest): Page {
    const from = request.continue ? readContinue(request.continue) : undefined;
    const version = from?.version ?? this.#listVersion(request);
    const all = this.store
      .list(resource.plural, namespace === "" ? undefined : namespace, version)
      .filter(request.selects);
    const rest = from ? all.filter((object) => keyOf(object) > from.after) : all;
    const items = request.limit ? rest.slice(0, request.limit) : rest;
    const last = items.at(-1);
    if (last === undefined || items.length === rest.length) return { version, items };
    return {
      version,
      items,
      continue: Buffer.from(JSON.stringify({ version, after: keyOf(last) })).toString("base64url"),
      remaining: rest.length - items.length,
    };
  }

  #listVersion({ resourceVersion = "", resourceVersionMatch }: ListRequest): number {
    if (resourceVersionMatch && resourceVersion === "")
      throw badRequest(
        "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided",
      );
    const wanted = versionOf(resourceVersion);
    this.checkVersion(wanted);
    return resourceVersionMatch === "Exact" ? wanted : this.store.version;
  }

  /** Fails for a version that the store has not reached. */
  checkVersion(wanted: number): void {
    if (wanted > this.store.version)
      throw new ApiError(
        504,
        "Timeout",
        `Too large resource version: ${wanted}, current: ${this.store.version}`,
        {
          causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
          retryAfterSeconds: 1,
        },
      );
  }

  create(target: Target, body: JsonObject, dryRun = false): KubeObject {
    const { resource } = target;
    const object = this.#completed(target, body);
    const { name, namespace = "" } = object.metadata;
    if (resource.namespaced) this.#checkNamespace(namespace, resource, name);
    if (this.store.get(resource.plural, namespace, name)) throw alreadyExists(resource, name);
    const strategy = strategyOf(resource.plural);
    const created =
      strategy.create?.(object, { store: this.store, mountTokens: this.#mountTokens }) ?? object;
    if (dryRun) return created;
    const stored = this.store.put(resource.plural, created);
    return stored;
  }

  update(target: Target, body: JsonObject, dryRun = false): KubeObject {
    const { resource, namespace, name } = target;
    const existing = this.store.get(resource.plural, namespace, name);
    if (!existing && resource.createOnUpdate && target.subresource === "")
      return this.create(target, body, dryRun);
    if (!existing) throw notFound(resource, name);
    const version = textAt(body, "metadata", "resourceVersion");
    if (version === "" && resource.conditionalUpdates)
      throw invalid(
        resource,
        name,
        "metadata.resourceVersion",
        "Invalid value: 0: must be specified for an update",
      );
    const bodyName = textAt(body, "metadata", "name");
    if (bodyName !== name)
      throw badRequest(`the name of the object (${bodyName}) does not match the name on the URL (${name})`);
    const uid = textAt(body, "metadata", "uid");
    if (uid !== "" && uid !== existing.metadata.uid) throw uidConflict(resource, name, uid, existing);
    return this.#replace(target, existing, body, dryRun);
  }

  patch(target: Target, kind: PatchKind, patch: JsonValue, dryRun = false): KubeObject {
    const existing = this.get(target);
    const patched = applyPatch(existing, kind, patch);
    if (!isObject(patched)) throw badRequest("the patch does not leave an object");
    const uid = textAt(patched, "metadata", "uid");
    if (uid !== existing.metadata.uid)
      throw invalid(
        target.resource,
        target.name,
        "metadata.uid",
        `Invalid value: ${JSON.stringify(uid)}: field is immutable`,
      );
    return this.#replace(target, existing, patched, dryRun);
  }

  /** Binds a Pod to a node. */
  bind(target: Target, binding: JsonObject): void {
    const pod = this.get(target);
    const nodeName = textAt(binding, "target", "name");
    const uid = textAt(binding, "metadata", "uid");
    if (uid !== "" && uid !== pod.metadata.uid) throw uidConflict(target.resource, target.name, uid, pod);
    if (pod.metadata.deletionTimestamp)
      throw conflict(
        target.resource,
        target.name,
        `pod ${target.name} is being deleted, cannot be assigned to a host`,
      );
    const assigned = textAt(pod, "spec", "nodeName");
    if (assigned !== "")
      throw conflict(
        target.resource,
        target.name,
        `pod ${target.name} is already assigned to node "${assigned}"`,
      );
    if (nodeName === "") throw badRequest("target.name: Required value");
    this.store.put("pods", bound(pod, nodeName, objectAt(binding, "metadata")));
  }

  /** Deletes an object, at once or with a grace period; one with finalizers stays until they are removed. */
  delete(target: Target, options: DeleteOptions = {}): Deleted {
    const object = this.get(target);
    const { resource, name } = target;
    const { uid, resourceVersion } = options.preconditions ?? {};
    if (uid !== undefined && uid !== object.metadata.uid) throw uidConflict(resource, name, uid, object);
    if (resourceVersion !== undefined && resourceVersion !== object.metadata.resourceVersion)
      throw conflict(
        resource,
        name,
        `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${object.metadata.resourceVersion}). The object might have been modified`,
      );
    const graceful = strategyOf(resource.plural).gracePeriod;
    const deleting = graceful ? withGrace(object, graceful, options) : withoutGrace(object);
    if (options.dryRun) return { object: deleting, isGone: false };
    const stays = (deleting.metadata.deletionGracePeriodSeconds ?? 0) > 0 || hasFinalizers(deleting);
    const stored =
      (graceful || stays) && !isEqual(deleting, object)
        ? this.store.put(resource.plural, deleting)
        : deleting;
    if (stays) return { object: stored, isGone: false };
    return { object: this.store.remove(resource.plural, graceful ? stored : object), isGone: true };
  }

  #completed({ resource, namespace, name: nameInUrl }: Target, body: JsonObject): KubeObject {
    const { apiVersion = groupVersion(resource), kind = resource.kind } = body;
    if (apiVersion !== groupVersion(resource) || kind !== resource.kind)
      throw badRequest(
        `the API version in the data (${String(apiVersion)}, Kind=${String(kind)}) does not match the expected API version (${groupVersion(resource)}, Kind=${resource.kind})`,
      );
    const metadata = objectAt(body, "metadata");
    const bodyNamespace = textAt(metadata, "namespace");
    if (bodyNamespace !== "" && bodyNamespace !== namespace)
      throw badRequest(
        `the namespace of the provided object does not match the namespace sent on the request`,
      );
    const generateName = textAt(metadata, "generateName");
    const given = textAt(metadata, "name") || nameInUrl;
    const name = given || (generateName && generateName + randomSuffix());
    if (name === "")
      throw invalid(
        resource,
        "",
        "metadata.name",
        "Required value: name or generateName is required",
        "FieldValueRequired",
      );
    if (!/^[a-z0-9]([a-z0-9.:-]*[a-z0-9])?$/i.test(name) || name.length > 253)
      throw invalid(resource, name, "metadata.name", `Invalid value: ${JSON.stringify(name)}`);
    if (textAt(metadata, "resourceVersion") !== "")
      throw badRequest("resourceVersion should not be set on objects to be created");
    const hasGeneration = strategyOf(resource.plural).hasGeneration;
    const kept = without(
      metadata,
      "managedFields",
      "selfLink",
      "deletionTimestamp",
      "deletionGracePeriodSeconds",
    );
    const complete: KubeMetadata = {
      ...kept,
      name,
      ...(resource.namespaced && { namespace }),
      uid: randomUUID(),
      resourceVersion: "",
      creationTimestamp: timestamp(),
      ...(hasGeneration && { generation: 1 }),
    };
    return { ...body, apiVersion: groupVersion(resource), kind: resource.kind, metadata: complete };
  }

  #checkNamespace(namespace: string, resource: Resource, name: string): void {
    const found = this.store.get("namespaces", "", namespace);
    if (!found) throw notFound(resourceNamed("namespaces"), namespace);
    if (textAt(found, "status", "phase") === "Terminating")
      throw forbidden(
        resource.plural,
        name,
        `unable to create new content in namespace ${namespace} because it is being terminated`,
      );
  }

  #replace(target: Target, existing: KubeObject, body: JsonObject, dryRun: boolean): KubeObject {
    const { resource, name } = target;
    const version = textAt(body, "metadata", "resourceVersion");
    if (version !== "" && version !== existing.metadata.resourceVersion)
      throw conflict(
        resource,
        name,
        "the object has been modified; please apply your changes to the latest version and try again",
      );
    const next = this.#next(target, existing, body);
    // A write that changes nothing has no new version, and no watch sees it.
    if (isEqual(next, existing) || dryRun) return next;
    if (next.metadata.deletionTimestamp && !hasFinalizers(next) && !next.metadata.deletionGracePeriodSeconds)
      return this.store.remove(resource.plural, next);
    return this.store.put(resource.plural, next);
  }

  /** Returns the object to store: the fields of the body that this subresource may change, and all others unchanged. */
  #next(target: Target, existing: KubeObject, body: JsonObject): KubeObject {
    const { resource, subresource } = target;
    const strategy = strategyOf(resource.plural);
    const changed = withFixedMetadata(existing, body);
    switch (subresource) {
      case "status": {
        const { labels, annotations } = changed.metadata;
        const object = withMetadata(existing, { labels, annotations } as Partial<KubeMetadata>);
        return { ...object, status: objectAt(body, "status") };
      }
      case "resize":
        return withGeneration(resized(changed, existing), existing);
      case "ephemeralcontainers":
        return withGeneration(withEphemeralContainers(changed, existing), existing);
      default: {
        const object: KubeObject =
          resource.status && existing.status ? { ...changed, status: existing.status } : changed;
        strategy.update?.(object, existing);
        return strategy.hasGeneration ? withGeneration(object, existing) : object;
      }
    }
  }
}

function keyOf({ metadata }: KubeObject): string {
  return `${metadata.namespace ?? ""}/${metadata.name}`;
}

function readContinue(token: string): { readonly version: number; readonly after: string } {
  try {
    const read: unknown = JSON.parse(Buffer.from(token, "base64url").toString());
    const version = numberAt(read, "version");
    if (version !== undefined) return { version, after: textAt(read, "after") };
  } catch {
    // Reported below, like a token of a wrong form.
  }
  throw expired("continue key is not valid");
}

/** Returns the number of a resource version; 0 for none. */
export function versionOf(text: string): number {
  if (text === "") return 0;
  if (!/^\d+$/.test(text)) throw badRequest(`resourceVersion: Invalid value: ${JSON.stringify(text)}`);
  return Number(text);
}

function uidConflict(resource: Resource, name: string, uid: string, { metadata }: KubeObject): ApiError {
  return conflict(
    resource,
    name,
    `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${metadata.uid}`,
  );
}

/** Those of a Namespace are in its spec: it stays until it is empty. */
function hasFinalizers({ kind, metadata, spec }: KubeObject): boolean {
  return (
    (metadata.finalizers ?? []).length > 0 || (kind === "Namespace" && listAt(spec, "finalizers").length > 0)
  );
}

function applyPatch(existing: KubeObject, kind: PatchKind, patch: JsonValue): JsonValue {
  if (kind === "json") return jsonPatch(existing, patch);
  if (!isObject(patch)) throw badRequest("a patch must be an object");
  return kind === "merge"
    ? mergePatch(existing, patch)
    : strategicPatch(existing, patch, patchTypeOf(existing.kind));
}

/** Returns the body as an object of the same kind, with the metadata that no request may change. */
function withFixedMetadata(existing: KubeObject, body: JsonObject): KubeObject {
  const { name, namespace, uid, creationTimestamp, generation, resourceVersion } = existing.metadata;
  const { deletionTimestamp, deletionGracePeriodSeconds, generateName } = existing.metadata;
  const given = without(
    objectAt(body, "metadata"),
    ...[
      "managedFields",
      "selfLink",
      "generation",
      "deletionTimestamp",
      "deletionGracePeriodSeconds",
      "generateName",
    ],
  );
  const metadata: KubeMetadata = { ...given, name, uid, creationTimestamp, resourceVersion };
  const { apiVersion, kind } = existing;
  const fixed = { namespace, generation, deletionTimestamp, deletionGracePeriodSeconds, generateName };
  return withMetadata({ ...body, apiVersion, kind, metadata }, fixed as Partial<KubeMetadata>);
}

function withGeneration(object: KubeObject, previous: KubeObject): KubeObject {
  if (isEqual(object.spec, previous.spec)) return object;
  return withMetadata(object, { generation: (previous.metadata.generation ?? 0) + 1 });
}

/** Marks an object as being deleted; a later deletion can only shorten the time. */
function withGrace(
  object: KubeObject,
  gracePeriod: (object: KubeObject, requested: number | undefined) => number,
  { gracePeriodSeconds: requested }: DeleteOptions,
): KubeObject {
  const { deletionTimestamp, deletionGracePeriodSeconds: before = 0, generation } = object.metadata;
  if (deletionTimestamp === undefined) {
    const seconds = gracePeriod(object, requested);
    return withMetadata(object, {
      deletionTimestamp: timestamp(Date.now() + seconds * 1000),
      deletionGracePeriodSeconds: seconds,
      ...(generation !== undefined && { generation: generation + 1 }),
    });
  }
  const seconds = requested === undefined ? before : Math.max(0, requested);
  if (seconds >= before) return object;
  return withMetadata(object, {
    deletionTimestamp: timestamp(Date.parse(deletionTimestamp) + (seconds - before) * 1000),
    deletionGracePeriodSeconds: seconds,
  });
}

function withoutGrace(object: KubeObject): KubeObject {
  if (object.metadata.deletionTimestamp !== undefined || !hasFinalizers(object)) return object;
  const marked = withMetadata(object, { deletionTimestamp: timestamp(), deletionGracePeriodSeconds: 0 });
  return object.kind === "Namespace" ? { ...marked, status: { phase: "Terminating" } } : marked;
}
