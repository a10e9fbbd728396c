import { isCriError, sleep } from "../../core/index.js";
import type { Cri } from "../../cri.js";

/** What holds on longer than this is left, and told of. */
const options = { timeoutMs: 60_000 };

/** Removes every sandbox and container that has this label with this value. */
export async function removeAll({ runtime }: Cri, label: string, value: string): Promise<void> {
  const filter = { labelSelector: { [label]: value } };
  // A runtime whose filters do nothing must not lose the pods of others.
  const ours = ({ labels }: { readonly labels: Readonly<Record<string, string>> }) => labels[label] === value;
  const { items } = await runtime.listPodSandbox({ filter }, options);
  const pods = items.filter(ours).map(({ id }) => id);
  const { containers } = await runtime.listContainers({ filter }, options);
  const inOtherPods = containers.filter((one) => ours(one) && !pods.includes(one.podSandboxId));
  await allOf([
    ...inOtherPods.map(({ id }) => gone(() => runtime.removeContainer({ containerId: id }, options))),
    ...pods.map(async (podSandboxId) => {
      await gone(() => runtime.stopPodSandbox({ podSandboxId }, options));
      await gone(() => runtime.removePodSandbox({ podSandboxId }, options));
    }),
  ]);
}

/** Waits for all of them, also when one fails; fails with the first failure then. */
async function allOf(works: readonly Promise<unknown>[]): Promise<void> {
  const results = await Promise.allSettled(works);
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

/**
 * Waits for a removal. Removals may be repeated, and containerd wants it: one of a container that is just ending fails
 * ("ttrpc: closed", "container is still running").
 */
async function gone(removal: () => Promise<unknown>): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await removal();
      return;
    } catch (error) {
      // containerd 1.6 answers so to stopping what is gone already.
      if (isCriError(error) && error.code === "not_found") return;
      if (tries === 5) throw error;
      await sleep(200);
    }
  }
}
