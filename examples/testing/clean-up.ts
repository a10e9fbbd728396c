import { type Cri, isCriError } from "cri-sdk";

/** What is tested: removes the pods of a namespace, and tells how many. One that will not stop is left for the next time. */
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
