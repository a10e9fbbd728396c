import { kubernetesLabels } from "../../core/index.js";
import type { Cri } from "../../cri.js";
import {
  type Clock,
  type EventRecorder,
  type Hooks,
  killPod,
  type NodeFacts,
  type NodeFiles,
  observePod,
  type Pod,
  removePod,
  terminationPlan,
} from "../../kubernetes/index.js";

/** What removing a pod needs. */
export interface RemovalContext {
  readonly cri: Cri;
  readonly files: NodeFiles;
  readonly facts: () => NodeFacts;
  readonly hooks: Hooks;
  readonly clock: Clock;
}

/** A pod, as far as what is on the node says who it is. */
export interface PodIdentity {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/**
 * Returns who a pod is that no source has, by the labels of its sandboxes and containers. A pod of which the runtime has nothing has files
 * only, and its name is "unknown".
 */
export async function identifyPod({ runtime }: Cri, uid: string, signal: AbortSignal): Promise<PodIdentity> {
  const filter = { labelSelector: { [kubernetesLabels.podUid]: uid } };
  const [{ items }, { containers }] = await Promise.all([
    runtime.listPodSandbox({ filter }, { signal }),
    runtime.listContainers({ filter }, { signal }),
  ]);
  const found = [...items, ...containers].find(({ labels }) => labels[kubernetesLabels.podUid] === uid);
  return {
    uid,
    namespace: found?.labels[kubernetesLabels.podNamespace] || "unknown",
    name: found?.labels[kubernetesLabels.podName] || "unknown",
  };
}

/**
 * Stops and removes a pod that has no worker. Its hooks and grace periods are those in the annotations of its containers. After a failure,
 * the next call continues.
 */
export async function killAndRemovePod(
  identity: PodIdentity,
  { cri, files, facts, hooks, clock }: RemovalContext,
  record: EventRecorder,
  signal: AbortSignal,
): Promise<void> {
  const { runtime } = cri;
  const pod: Pod = { metadata: { ...identity } };
  const observed = await observePod(runtime, identity.uid, signal);
  const plan = terminationPlan(undefined, observed);
  const podIPs = observed.sandboxes.find(({ isReady }) => isReady)?.ips ?? [];
  await killPod({ pod, podIPs, plan }, { runtime, hooks, clock, record, preStopStarted: new Set() }, signal);
  await removePod(pod, { runtime, files }, { node: facts() });
}
