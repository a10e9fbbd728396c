import { type PodSandbox, PodSandboxState } from "../../gen/runtime/v1/api_pb.js";
import { CriError } from "../core/index.js";
import type { PodKit } from "./kit.js";
import { ownerKeys } from "./owner.js";

/** Which pods are looked for; what is not said does not matter. */
export interface PodFilter {
  /** PodSandboxMetadata.name, whole. */
  readonly name?: string | undefined;
  /** PodSandboxMetadata.namespace. */
  readonly namespace?: string | undefined;
  /** PodSandboxMetadata.uid. */
  readonly uid?: string | undefined;
  readonly state?: "ready" | "notReady" | undefined;
  /** Labels that it has, with these values. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** Whose it is, in the words of `ConnectOptions.pods.owner`. */
  readonly owner?: string | undefined;
}

const states = { ready: PodSandboxState.SANDBOX_READY, notReady: PodSandboxState.SANDBOX_NOTREADY } as const;

/** Lists sandboxes, the newest first. */
export async function listPods(
  kit: PodKit,
  { name, namespace, uid, state, labels, owner }: PodFilter,
  signal?: AbortSignal,
  id = "",
): Promise<PodSandbox[]> {
  const labelSelector = { ...labels, ...(owner === undefined ? {} : { [ownerKeys.owner]: owner }) };
  const filter = { id, labelSelector, ...(state === undefined ? {} : { state: { state: states[state] } }) };
  const found = await kit.lists.podSandboxes(filter, { signal }).collect();
  // CRI filters by labels only, and pods that were not made the kubelet's way lack those of names.
  return found
    .filter(
      ({ metadata }) =>
        (name === undefined || metadata?.name === name) &&
        (namespace === undefined || metadata?.namespace === namespace) &&
        (uid === undefined || metadata?.uid === uid),
    )
    .sort((a, b) => Number(b.createdAt - a.createdAt) || (a.id < b.id ? -1 : 1));
}

/** What to ask the runtime for: the one with this id, where it is a whole one, else all. */
export function idFilter(idOrPrefix: string): string {
  return /^[0-9a-f]{64}$/.test(idOrPrefix) ? idOrPrefix : "";
}

/**
 * The one thing whose id is this or begins like this. Looked up here and not by the runtime: containerd answers an ambiguous
 * prefix with an empty list, CRI-O with not_found.
 */
export function byPrefix<T extends { readonly id: string }>(
  kind: "pod" | "container",
  things: readonly T[],
  idOrPrefix: string,
  endpoint: string,
): T {
  const exact = things.find(({ id }) => id === idOrPrefix);
  const found = exact ? [exact] : things.filter(({ id }) => idOrPrefix !== "" && id.startsWith(idOrPrefix));
  const [first, second] = found;
  if (first && !second) return first;
  const shown = JSON.stringify(idOrPrefix);
  if (!first)
    throw new CriError({
      code: "not_found",
      reason: "object_missing",
      text: `there is no ${kind} with an id that begins with ${shown}`,
      endpoint,
    });
  throw new CriError({
    code: "invalid_argument",
    reason: "ambiguous_id",
    text: `${found.length} ${kind}s have an id that begins with ${shown}`,
    hint: `They are ${found
      .slice(0, 5)
      .map(({ id }) => id.slice(0, 20))
      .join(", ")}`,
    endpoint,
  });
}
