import { isRecord } from "../../core/index.js";
import { type DefaultedPod, defaultPod, type Pod } from "../../kubernetes/index.js";

/** The problem of a Pod that cannot be used from the list of a source. */
export interface ListProblem {
  readonly pod: DefaultedPod;
  /** Such as `is in the list of its source twice`. */
  readonly problem: string;
}

/** A Pod of a source's list. */
export interface ListedPod {
  readonly pod: DefaultedPod;
  /** Why it cannot be used; undefined if it can. */
  readonly problem: string | undefined;
}

/** What was read before: an API server as a source gives the whole list with each change of one Pod. */
const known = new WeakMap<Pod, ListedPod>();

/**
 * Returns a Pod of a source's list with its defaults, which need not be valid otherwise; and why it cannot be used at all, if it has no
 * identity.
 */
export function readListed(raw: Pod): ListedPod {
  const before = isRecord(raw) ? known.get(raw) : undefined;
  if (before) return before;
  const listed = read(raw);
  if (isRecord(raw)) known.set(raw, listed);
  return listed;
}

function read(raw: Pod): ListedPod {
  const pod = defaulted(raw);
  const { name, uid } = pod.metadata;
  // The uid is the name of folders.
  const hasIdentity = name !== "" && /^[\w-][\w.-]*$/.test(uid) && textOf(raw?.metadata?.uid) === uid;
  return { pod, problem: hasIdentity ? undefined : "has no valid metadata.name and metadata.uid" };
}

function defaulted(raw: Pod): DefaultedPod {
  try {
    const pod = defaultPod(raw);
    const { name, namespace, uid } = pod.metadata;
    if ([name, namespace, uid].every((value) => typeof value === "string")) return pod;
  } catch {
    // Its values have wrong types, which validation reports.
  }
  const metadata: unknown = isRecord(raw) ? raw.metadata : undefined;
  const field = (key: string) => (isRecord(metadata) ? textOf(metadata[key]) : "");
  return defaultPod({ metadata: { name: field("name"), namespace: field("namespace"), uid: field("uid") } });
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
