import { checkArgument, isRecord, type OptionCheck } from "../../core/index.js";
import { podRequest } from "../../kubernetes/index.js";
import type {
  ContainerConsumption,
  DiskConsumption,
  EvictionCandidate,
  EvictionPolicy,
  EvictionRequest,
  PodConsumption,
} from "./policy.js";
import { type EvictionSignal, signalRules } from "./signals.js";

type Compare = (one: EvictionCandidate, other: EvictionCandidate) => number;
/** Returns what a pod uses of the resource; undefined when that was not measured. */
type UsageOf = (consumption: PodConsumption) => bigint | undefined;

const requestCheck: OptionCheck<EvictionRequest> = (value: unknown) =>
  isRecord(value) &&
  isRecord(value.threshold) &&
  Object.hasOwn(signalRules, String(value.threshold.signal)) &&
  Array.isArray(value.candidates)
    ? undefined
    : "must have a `threshold` with its signal, and a list of `candidates`";

/**
 * Returns the pods in the kubelet's order: those that use more than they request come first, then those of a lower priority, then those
 * that use more beyond their request. Processes have no requests. A pod whose usage is unknown comes first. Pods of equal rank keep their
 * order.
 */
export const rankPods: EvictionPolicy = (request) => {
  checkArgument("rankPods", "request", request, requestCheck);
  const { resource } = signalRules[request.threshold.signal];
  const usageOf = usage(request);
  const requestOf = ({ pod }: EvictionCandidate): bigint =>
    resource === "memory" || resource === "ephemeral-storage"
      ? (podRequest(pod.spec, resource)?.value() ?? 0n)
      : 0n;
  const excess = (candidate: EvictionCandidate): bigint | undefined => {
    const used = candidate.consumption && usageOf(candidate.consumption);
    return used === undefined ? undefined : used - requestOf(candidate);
  };
  const unknownFirst: Compare = (one, other) =>
    Number(excess(one) !== undefined) - Number(excess(other) !== undefined);
  const exceedingFirst: Compare = (one, other) => Number(exceeds(other)) - Number(exceeds(one));
  const exceeds = (one: EvictionCandidate) => (excess(one) ?? 0n) > 0n;
  const lowestPriorityFirst: Compare = (one, other) =>
    (one.pod.spec.priority ?? 0) - (other.pod.spec.priority ?? 0);
  const largestFirst: Compare = (one, other) => {
    const [a, b] = [excess(one) ?? 0n, excess(other) ?? 0n];
    return a < b ? 1 : a > b ? -1 : 0;
  };
  const order: readonly Compare[] =
    resource === "pids"
      ? [lowestPriorityFirst, unknownFirst, largestFirst]
      : [unknownFirst, exceedingFirst, lowestPriorityFirst, largestFirst];
  return [...request.candidates].sort((one, other) => {
    for (const compare of order) {
      const result = compare(one, other);
      if (result !== 0) return result;
    }
    return 0;
  });
};

function usage({ threshold: { signal }, ...node }: EvictionRequest): UsageOf {
  switch (signalRules[signal].resource) {
    case "memory":
      return ({ memoryBytes }) => memoryBytes;
    case "pids":
      return ({ processes }) => processes;
    case "inodes":
      return (consumption) => diskUsage(signal, consumption, node, ({ inodes }) => inodes);
    case "ephemeral-storage":
      return (consumption) => diskUsage(signal, consumption, node, ({ bytes }) => bytes);
  }
}

/** Sums what a pod uses of the file system of a signal. */
function diskUsage(
  signal: EvictionSignal,
  { containers, volumes }: PodConsumption,
  node: Pick<EvictionRequest, "hasOwnImageFs" | "hasOwnContainerFs">,
  of: (used: DiskConsumption) => bigint,
): bigint {
  const onNode = signal.startsWith("nodefs");
  const withLayers =
    signal.startsWith("containerfs") || (onNode ? layersAreOnNode(node) : !node.hasOwnContainerFs);
  const withFiles = onNode || !node.hasOwnImageFs;
  let sum = 0n;
  const add = (used: DiskConsumption | undefined) => {
    if (used) sum += of(used);
  };
  for (const one of containers.values()) addContainer(one, { withLayers, withFiles }, add);
  if (withFiles) for (const one of volumes.values()) if (!one.isMemory) add(one);
  return sum;
}

/** As the kubelet requires, containers whose file system is not that of the images are on the file system of the node. */
function layersAreOnNode({
  hasOwnImageFs,
  hasOwnContainerFs,
}: Omit<EvictionRequest, "threshold" | "candidates">): boolean {
  return !hasOwnImageFs || hasOwnContainerFs;
}

function addContainer(
  { writableLayer, logs }: ContainerConsumption,
  { withLayers, withFiles }: { readonly withLayers: boolean; readonly withFiles: boolean },
  add: (used: DiskConsumption | undefined) => void,
): void {
  if (withLayers) add(writableLayer);
  if (withFiles) add(logs);
}
