// The objects of the API as JSON has them: times are strings.
import { isDate } from "../../core/index.js";
import {
  type Node,
  type NodeStatus,
  type ObjectMeta,
  type Pod,
  type PodStatus,
  timeText,
} from "../../kubernetes/index.js";

/** Any object. */
export interface ApiObject {
  readonly metadata?: ObjectMeta;
}

/** A list of objects. */
export interface ApiList<T> {
  readonly metadata?: { readonly resourceVersion?: string };
  readonly items?: readonly T[] | null;
}

/** A Pod with its whole status. */
export interface ApiPod extends Omit<Pod, "status"> {
  readonly status?: PodStatus<string>;
}

/** A Node. */
export interface ApiNode extends Omit<Node<string>, "metadata" | "status"> {
  readonly metadata?: ObjectMeta;
  readonly status?: NodeStatus<string>;
}

/** Returns `namespace/name`. */
export function keyOf({ metadata }: ApiObject): string {
  return `${metadata?.namespace ?? ""}/${metadata?.name ?? ""}`;
}

/** Returns a time in RFC 3339 with microseconds, as `metav1.MicroTime` is written. */
export function microTimeText(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(0, 23)}000Z`;
}

/** Copies a value as JSON has it, with times of whole seconds. */
export function apiJson(value: unknown): unknown {
  if (isDate(value)) return timeText(value);
  if (Array.isArray(value)) return value.map(apiJson);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, one]) => (one === undefined ? [] : [[key, apiJson(one)]])),
  );
}

/** Whether a version is newer than another one. Versions of one API server are increasing numbers. */
export function isNewer(one: string | undefined, other: string | undefined): boolean {
  if (one === undefined || other === undefined) return one !== undefined;
  return one.length === other.length ? one > other : one.length > other.length;
}
