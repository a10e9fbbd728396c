import type { Pod } from "../api/index.js";
import type { ObservedPod } from "./observed.js";

/** Whether a pod needs a new sandbox. */
export interface SandboxNeed {
  /** Whether the sandboxes of the pod, if there are any, have to be replaced. */
  readonly isNeeded: boolean;
  /** The attempt of the new sandbox, or of the current one. */
  readonly attempt: number;
  /** The newest sandbox; undefined when there is none. */
  readonly sandboxId: string | undefined;
}

/**
 * Returns whether a pod needs a new sandbox: it has none, the newest is not ready, several are ready, the newest has another network
 * than the Pod says, or it has lost its address. A runtime that reports no network at all counts as one that has addresses.
 */
export function sandboxNeed(pod: Pod, { sandboxes }: ObservedPod): SandboxNeed {
  const [newest] = sandboxes;
  if (newest === undefined) return { isNeeded: true, attempt: 0, sandboxId: undefined };
  const hostNetwork = pod.spec?.hostNetwork ?? false;
  const isNeeded =
    !newest.isReady ||
    sandboxes.filter(({ isReady }) => isReady).length > 1 ||
    newest.hostNetwork !== hostNetwork ||
    (!hostNetwork && newest.ips !== undefined && newest.ips.length === 0);
  return { isNeeded, attempt: newest.attempt + (isNeeded ? 1 : 0), sandboxId: newest.id };
}
