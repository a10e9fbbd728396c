import { isCriError, sleep } from "../../core/index.js";
import type { Cri } from "../../cri.js";

/** A removal that takes longer fails and is reported. */
const options = { timeoutMs: 30_000 };

interface Labelled {
  readonly labels: Readonly<Record<string, string>>;
}

/** Removes every sandbox and container that has this label value. */
export function removeAll(cri: Cri, label: string, value: string): Promise<void> {
  // Checked here as well: a runtime that ignores filters must not lose other pods.
  return removeOwn(cri, ({ labels }) => labels[label] === value, { labelSelector: { [label]: value } });
}

/** Removes every sandbox and container whose value of this label has this prefix. */
export function removeAllOfRun(cri: Cri, label: string, prefix: string): Promise<void> {
  return removeOwn(cri, ({ labels }) => labels[label]?.startsWith(prefix) ?? false, {});
}

async function removeOwn(
  { runtime }: Cri,
  isOwn: (object: Labelled) => boolean,
  filter: { readonly labelSelector?: Record<string, string> },
): Promise<void> {
  const { items } = await runtime.listPodSandbox({ filter }, options);
  const pods = items.filter(isOwn).map(({ id }) => id);
  const { containers } = await runtime.listContainers({ filter }, options);
  const inPods = await Promise.all(
    pods.map((podSandboxId) => runtime.listContainers({ filter: { podSandboxId } }, options)),
  );
  const own = new Set(containers.filter(isOwn).map(({ id }) => id));
  for (const list of inPods)
    for (const { id, podSandboxId } of list.containers) if (pods.includes(podSandboxId)) own.add(id);
  // Killed first: CRI-O gives a container that is stopped by its removal, or by its pod's, until the call's deadline.
  await allOf(
    Array.from(own, async (containerId) => {
      await retryRemoval(() => runtime.stopContainer({ containerId, timeout: 0n }, options));
      await retryRemoval(() => runtime.removeContainer({ containerId }, options));
    }),
  );
  await allOf(
    pods.map(async (podSandboxId) => {
      await retryRemoval(() => runtime.stopPodSandbox({ podSandboxId }, options));
      await retryRemoval(() => runtime.removePodSandbox({ podSandboxId }, options));
    }),
  );
}

/** Waits for all promises, then rejects with the first failure, if any. */
async function allOf(promises: readonly Promise<unknown>[]): Promise<void> {
  const results = await Promise.allSettled(promises);
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

/**
 * Repeats a removal until it succeeds, five times at most: in containerd, the removal of a container that is just ending fails
 * ("ttrpc: closed", "container is still running").
 */
async function retryRemoval(removal: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await removal();
      return;
    } catch (error) {
      // containerd 1.6 fails with NotFound when a removed object is stopped.
      if (isCriError(error) && error.code === "not_found") return;
      if (attempt === 5) throw error;
      await sleep(200);
    }
  }
}
