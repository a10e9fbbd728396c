import { type Cri, isCriError } from "cri-sdk";

/** The code under test: removes the pods of a namespace, except those that cannot be stopped. Returns how many it removed. */
export async function removePods(cri: Cri, namespace: string): Promise<number> {
  let removed = 0;
  const labelSelector = { "io.kubernetes.pod.namespace": namespace };
  for (const { id: podSandboxId } of await cri.lists.podSandboxes({ labelSelector }).collect())
    try {
      await cri.runtime.stopPodSandbox({ podSandboxId });
      await cri.runtime.removePodSandbox({ podSandboxId });
      removed++;
    } catch (error) {
      if (!isCriError(error)) throw error;
    }
  return removed;
}
