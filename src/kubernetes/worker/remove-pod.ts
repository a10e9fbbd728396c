import { criError, kubernetesLabels } from "../../core/index.js";
import type { Pod } from "../api/index.js";
import type { NodeFacts } from "../config/node-facts.js";
import { observePod } from "./observe.js";
import { removePodCgroup } from "./pod-cgroup.js";
import { isStopped } from "./pod-containers.js";
import { type RemovalParts, removeInstances, removeSandboxes } from "./prune.js";

/** How a pod is removed. */
export interface RemovePodOptions {
  /** Whether its log folder stays. @default false */
  readonly keepLogs?: boolean | undefined;
  /** The node, whose cgroup of the pod is removed, too. @default the cgroup stays */
  readonly node?: Pick<NodeFacts, "cgroupRoot" | "cgroupDriver"> | undefined;
}

/**
 * Removes everything of a pod that has stopped: containers, sandboxes, mounts, files and logs. Can be repeated after a failure, and after
 * a crash. Rejects with `wrong_state` while anything of the pod runs: end its worker first.
 */
export async function removePod(
  pod: Pod,
  parts: RemovalParts,
  { keepLogs = false, node }: RemovePodOptions = {},
): Promise<void> {
  const { uid = "", name } = pod.metadata ?? {};
  const observed = await observePod(parts.runtime, uid);
  if (!isStopped(observed)) throw criError("wrong_state", `pod ${name} runs and cannot be removed`);
  // The log folder is removed as a whole.
  // The oldest first: the newest is the status, which a process that continues after a crash must not see replaced by an older one.
  await removeInstances(pod, observed.containers.toReversed(), parts, { keepLogs: true });
  await removeSandboxes(
    observed.sandboxes.map(({ id }) => id),
    parts,
  );
  await checkNothingIsLeft(pod, parts);
  if (node) await removePodCgroup(uid, node);
  // Logs first: the pod's files show that it belongs to this node, also after a crash.
  if (!keepLogs) await parts.files.removeLogs(uid);
  await parts.files.removePod(uid);
}

/**
 * The lists decide, and not the statuses that were removed by: an object whose status a runtime did not find a moment ago may run. Without
 * its files, no later process would look for it.
 */
async function checkNothingIsLeft({ metadata }: Pod, { runtime }: RemovalParts): Promise<void> {
  const { uid = "", name } = metadata ?? {};
  const filter = { labelSelector: { [kubernetesLabels.podUid]: uid } };
  const [{ items }, { containers }] = await Promise.all([
    runtime.listPodSandbox({ filter }),
    runtime.listContainers({ filter }),
  ]);
  // A runtime that ignored the filter gives those of other pods, too.
  const left = [...items, ...containers].find(({ labels }) => labels[kubernetesLabels.podUid] === uid);
  if (left) throw criError("wrong_state", `pod ${name} is not removed: the runtime still lists ${left.id}`);
}
