import { isCriError, kubernetesLabels } from "../../core/index.js";
import { observedPod } from "./observation.js";
import type { ObservedPod } from "./observed.js";
import type { PodRuntime } from "./ports.js";

/** What {@link observePod} calls. */
type ReadingRuntime = Pick<
  PodRuntime,
  "listPodSandbox" | "podSandboxStatus" | "listContainers" | "containerStatus"
>;

/** The largest number of status calls in flight at a time. */
const maxConcurrency = 8;

/**
 * Reads the sandboxes and containers of a pod: the lists with the label `io.kubernetes.pod.uid`, and the status of each. Objects that are
 * removed meanwhile are skipped. Rejects when the runtime does not answer.
 */
export async function observePod(
  runtime: ReadingRuntime,
  podUid: string,
  signal?: AbortSignal,
): Promise<ObservedPod> {
  const options = signal === undefined ? {} : { signal };
  const filter = { labelSelector: { [kubernetesLabels.podUid]: podUid } };
  const [{ items }, { containers }] = await Promise.all([
    runtime.listPodSandbox({ filter }, options),
    runtime.listContainers({ filter }, options),
  ]);
  // A runtime that ignored the filter must not give us the containers of other pods.
  const isOwn = ({ labels }: { readonly labels: Readonly<Record<string, string>> }) =>
    labels[kubernetesLabels.podUid] === podUid;
  const sandboxes = await mapLimited(items.filter(isOwn), async ({ id }) => {
    const { status } = await runtime.podSandboxStatus({ podSandboxId: id }, options);
    return status;
  });
  const statuses = await mapLimited(containers.filter(isOwn), async ({ id, podSandboxId }) => {
    const { status } = await runtime.containerStatus({ containerId: id }, options);
    return status && { status, sandboxId: podSandboxId };
  });
  return observedPod(sandboxes, statuses);
}

/** Converts items a few at a time; leaves out those that are undefined or that the runtime does not know any more. */
async function mapLimited<T, R>(
  items: readonly T[],
  convert: (item: T) => Promise<R | undefined>,
): Promise<R[]> {
  const results: (R | undefined)[] = new Array(items.length).fill(undefined);
  let next = 0;
  const work = async () => {
    for (let index = next++; index < items.length; index = next++) {
      const item = items[index];
      if (item !== undefined) results[index] = await convert(item).catch(ignoreMissing);
    }
  };
  await Promise.all(Array.from({ length: Math.min(maxConcurrency, items.length) }, work));
  return results.filter((result) => result !== undefined);
}

function ignoreMissing(error: unknown): undefined {
  if (isCriError(error) && error.reason === "object_missing") return undefined;
  throw error;
}
