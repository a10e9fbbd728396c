import type { JsonObject, JsonValue } from "./json.js";

/** An object of the Kubernetes API as JSON. */
export interface KubeObject extends JsonObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: KubeMetadata;
}

/** The metadata of an object. */
export interface KubeMetadata extends JsonObject {
  readonly name: string;
  readonly namespace?: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly creationTimestamp: string;
  readonly generation?: number;
  readonly deletionTimestamp?: string;
  readonly deletionGracePeriodSeconds?: number;
  readonly labels?: { readonly [name: string]: string };
  readonly annotations?: { readonly [name: string]: string };
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly JsonValue[];
}

/** Returns the object with other metadata. */
export function withMetadata(object: KubeObject, changes: Partial<KubeMetadata>): KubeObject {
  return { ...object, metadata: definedOnly({ ...object.metadata, ...changes }) };
}

/** A time as the API writes it: in seconds, since `metav1.Time` has no fractions. */
export function timestamp(ms = Date.now()): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}

function definedOnly<T extends object>(value: T): T {
  // Only fields whose value is undefined are left out, which the type allows to be absent.
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as T;
}
