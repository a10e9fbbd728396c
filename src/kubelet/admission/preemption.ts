import { type DefaultedPod, isCriticalPod, podQosClass } from "../../kubernetes/index.js";
import type { AdmissionCheck, AdmissionRejection } from "../admission-check.js";
import { checkedRequest } from "./checked-request.js";
import { count, outOf, requestsOf, type Shortage, shortagesOf } from "./node-resources.js";

/**
 * Preempts other pods for a critical pod that does not fit on the node. It is the last check, so that no pod is preempted for one that
 * another check refuses. Refuses the pod when preempting all possible victims does not suffice.
 *
 * Source: kubelet, preemption/preemption.go.
 */
export const makeRoomForCriticalPod: AdmissionCheck = checkedRequest(
  "makeRoomForCriticalPod",
  ({ pod, node, others, preempt }) => {
    if (!isCriticalPod(pod)) return undefined;
    const shortages = shortagesOf(pod, node, others);
    const [first] = shortages;
    if (first === undefined) return undefined;
    const victims = podsToPreempt(pod, others, shortages);
    if ("missing" in victims) return unreclaimable(victims.missing);
    if (preempt === undefined) return outOf(first);
    return preempt(victims).then(() => undefined);
  },
);

/** The missing amounts by the name of a resource. */
type Missing = ReadonlyMap<string, bigint>;

/**
 * Returns the pods to stop for a pod with higher priority: Guaranteed pods only if all others do not suffice, then Burstable, then
 * BestEffort pods; as few as possible of each class. Returns what would be missing if stopping all of them does not suffice.
 */
function podsToPreempt(
  pod: DefaultedPod,
  others: readonly DefaultedPod[],
  shortages: readonly Shortage[],
): readonly DefaultedPod[] | { readonly missing: Missing } {
  const needed: Missing = new Map(
    shortages.map(({ resource, requested, used, capacity }) => [resource, requested - (capacity - used)]),
  );
  const candidates = others.filter((other) => isPreemptable(pod, other));
  const missing = without(needed, candidates);
  if (missing.size > 0) return { missing };
  const ofClass = (qos: string) => candidates.filter((other) => podQosClass(other) === qos);
  const [bestEffort, burstable] = [ofClass("BestEffort"), ofClass("Burstable")];
  const fromGuaranteed = fewest(ofClass("Guaranteed"), without(needed, [...bestEffort, ...burstable]));
  const fromBurstable = fewest(burstable, without(needed, [...bestEffort, ...fromGuaranteed]));
  const fromBestEffort = fewest(bestEffort, without(needed, [...fromBurstable, ...fromGuaranteed]));
  return [...fromBestEffort, ...fromBurstable, ...fromGuaranteed];
}

function isPreemptable(pod: DefaultedPod, other: DefaultedPod): boolean {
  if (isCriticalPod(pod) && !isCriticalPod(other)) return true;
  const [mine, theirs] = [pod.spec.priority, other.spec.priority];
  return mine !== undefined && theirs !== undefined && mine > theirs;
}

/** Returns pods that free what is missing: in each round the one that frees most of it, and of equal ones the smaller one. */
function fewest(pods: readonly DefaultedPod[], needed: Missing): readonly DefaultedPod[] {
  const left = [...pods];
  const chosen: DefaultedPod[] = [];
  for (let missing = needed; missing.size > 0; ) {
    const [best] = left.sort((a, b) => distance(a, missing) - distance(b, missing) || bySize(a, b));
    if (best === undefined) break;
    left.shift();
    chosen.push(best);
    missing = without(missing, [best]);
  }
  return chosen;
}

/** Returns how far a pod is from freeing all that is missing. Each resource counts alike: 1 if the pod frees none of it. */
function distance(pod: DefaultedPod, missing: Missing): number {
  return [...missing].reduce((sum, [resource, amount]) => {
    const rest = amount - requestOf(pod, resource);
    return rest > 0n ? sum + (Number(rest) / Number(amount)) ** 2 : sum;
  }, 0);
}

function bySize(a: DefaultedPod, b: DefaultedPod): number {
  const difference = (resource: string) => Number(requestOf(a, resource) - requestOf(b, resource));
  return difference("memory") || difference("cpu");
}

function without(missing: Missing, pods: readonly DefaultedPod[]): Missing {
  const rest = [...missing].map(
    ([resource, amount]) =>
      [resource, pods.reduce((left, pod) => left - requestOf(pod, resource), amount)] as const,
  );
  return new Map(rest.filter(([, amount]) => amount > 0n));
}

function requestOf(pod: DefaultedPod, resource: string): bigint {
  return resource === "pods" ? 1n : count(resource, requestsOf(pod).get(resource));
}

function unreclaimable(missing: Missing): AdmissionRejection {
  const list = [...missing].map(([resource, amount]) => `(res: ${resource}, q: ${amount}), `).join("");
  return {
    reason: "UnexpectedAdmissionError",
    message: `Unexpected error while attempting to recover from admission failure: preemption: error finding a set of pods to preempt: no set of running pods found to reclaim resources: [${list}]`,
  };
}
