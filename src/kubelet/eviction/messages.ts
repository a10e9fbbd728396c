import { amountOf } from "../../kubernetes/index.js";
import { diskBytes } from "./pod-consumptions.js";
import type { EvictionCandidate, MetThreshold } from "./policy.js";
import { signalRules } from "./signals.js";

const binarySuffixes = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"] as const;

/** Formats an amount as Kubernetes prints measured bytes: with the largest binary suffix of which it is a whole number. */
export function amountText(amount: bigint): string {
  let rest = amount;
  let power = 0;
  for (; rest !== 0n && rest % 1024n === 0n && power < binarySuffixes.length - 1; power++) rest /= 1024n;
  // Amounts below 1,024 have decimal suffixes.
  if (power === 0 && amount === 1_000n) return "1k";
  return `${rest}${binarySuffixes[power]}`;
}

/**
 * Returns the kubelet's message about a pod that is evicted because of a threshold: the resource that is low, and the containers of the pod
 * that use more than they request.
 */
export function evictionMessage(
  { signal, quantity, observed }: MetThreshold,
  { pod, consumption }: EvictionCandidate,
): string {
  const { resource } = signalRules[signal];
  let message =
    `The node was low on resource: ${resource}. ` +
    `Threshold quantity: ${amountText(quantity)}, available: ${amountText(observed.available)}. `;
  if (resource !== "memory" && resource !== "ephemeral-storage") return message;
  for (const container of [...pod.spec.containers, ...pod.spec.initContainers]) {
    const used = consumption?.containers.get(container.name);
    const disk = used && diskBytes(used);
    const amount = resource === "memory" ? used?.memoryBytes : disk;
    const request = amountOf(container.resources?.requests, resource);
    if (amount === undefined || amount <= (request?.value() ?? 0n)) continue;
    message +=
      `Container ${container.name} was using ${amountText(amount)}, request is ${request ?? "0"}, ` +
      `has larger consumption of ${resource}. `;
  }
  return message;
}
