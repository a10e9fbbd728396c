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

/** The dependencies of a removal. */
export interface RemovalContext {
  readonly cri: Cri;
  readonly files: NodeFiles;
  readonly facts: () => NodeFacts;
  readonly hooks: Hooks;
  readonly clock: Clock;
}

/** The identity of a pod that is known only from the node. */
export interface PodIdentity {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/**
 * Returns the identity of a pod that no source has, from the labels of its sandboxes and containers. The name of a pod that has only files
 * is "unknown".
 */
export async function identifyPod(cri: Cri, uid: string, signal: AbortSignal): Promise<PodIdentity> {
  const [found] = await objectsOf(cri, uid, signal);
  return {
    uid,
    namespace: found?.labels[kubernetesLabels.podNamespace] || "unknown",
    name: found?.labels[kubernetesLabels.podName] || "unknown",
  };
}

/** Whether the runtime has a sandbox or a container of a pod. Rejects when it does not answer. */
export async function isInRuntime(cri: Cri, uid: string, signal: AbortSignal): Promise<boolean> {
  return (await objectsOf(cri, uid, signal)).length > 0;
}

async function objectsOf({ runtime }: Cri, uid: string, signal: AbortSignal) {
  const filter = { labelSelector: { [kubernetesLabels.podUid]: uid } };
  const [{ items }, { containers }] = await Promise.all([
    runtime.listPodSandbox({ filter }, { signal }),
    runtime.listContainers({ filter }, { signal }),
  ]);
  // A runtime that ignored the filter must not give us the objects of other pods.
  return [...items, ...containers].filter(({ labels }) => labels[kubernetesLabels.podUid] === uid);
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
