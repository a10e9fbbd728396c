import { readAmount, readNodeBytes } from "./amounts.js";
import { checkQosClass, type QosClass } from "./qos.js";
import { collecting, type Report, reportValue } from "./report.js";
import type { Quantity } from "./spec-resources.js";

/** What {@link oomScoreAdj} computes from. */
export interface OomScoreOptions {
  /** The pod's class, see `qosClass()`. */
  readonly qos: QosClass;
  /** The memory of the node in bytes. */
  readonly memoryCapacityBytes: number | bigint;
  /**
   * The memory that the container is promised; its limit, where it has only that.
   * @default 0
   */
  readonly memoryRequest?: Quantity | undefined;
  /**
   * Whether the node needs the pod: the priority class `system-node-critical` of a static pod, a mirror pod or one with a
   * priority of 2,000,000,000 or more.
   * @default false
   */
  readonly nodeCritical?: boolean | undefined;
  /**
   * For a sidecar (an init container that runs on): the memory requests of the regular containers. It is killed no sooner than
   * the one of them that requests least.
   * @default it is no sidecar
   */
  readonly regularRequests?: readonly (Quantity | undefined)[] | undefined;
  /**
   * For a pod that is promised memory as a whole: each container gets its part of what they do not request themselves.
   * @default nothing is promised to the pod as a whole
   */
  readonly podLevel?: PodLevelMemory | undefined;
}

/** The memory that a pod is promised as a whole. */
export interface PodLevelMemory {
  /** What the pod is promised. */
  readonly memoryRequest: Quantity;
  /** What its containers request together, as `podResources()` adds it up without `pod`. */
  readonly containersRequest: Quantity;
  /** How many containers the pod has, with init containers; 1 or more. */
  readonly containers: number;
}

const guaranteed = -997;
const bestEffort = 1000;
const mostOfBurstable = 999;
const leastOfBurstable = 3;

/**
 * oom_score_adj as the kubelet computes it, -997 to 1000: how soon a container is killed when the node runs out of memory. The
 * more memory of a Burstable pod is requested, the later. Lowering it below one's own needs CAP_SYS_RESOURCE.
 *
 * @throws CriError `invalid_argument: invalid_spec`
 */
export function oomScoreAdj(options: OomScoreOptions): number {
  return collecting("The OOM score", (report) => {
    checkQosClass(options.qos, "qos", report);
    const capacity = readNodeBytes(options.memoryCapacityBytes, 1, "memoryCapacityBytes", report);
    const score = (request: bigint) => 1000n - (1000n * request) / capacity;
    const request =
      bytes(options.memoryRequest, "memoryRequest", report) + podShare(options.podLevel, report);
    const regular = (options.regularRequests ?? []).map((given, i) =>
      bytes(given, `regularRequests[${i}]`, report),
    );
    if (options.nodeCritical || options.qos === "Guaranteed") return guaranteed;
    if (options.qos === "BestEffort") return bestEffort;
    // The larger request is the smaller score; a sidecar takes the better of its own and the least of the regular ones.
    const counted = regular.length === 0 ? request : larger(request, regular.reduce(smaller));
    return Math.min(mostOfBurstable, Math.max(leastOfBurstable, Number(score(counted))));
  });
}

/** A container's part of what the pod is promised beyond what its containers request. */
function podShare(pod: PodLevelMemory | undefined, report: Report): bigint {
  if (pod === undefined) return 0n;
  const { memoryRequest, containersRequest, containers } = pod;
  const promised = bytes(memoryRequest, "podLevel.memoryRequest", report);
  const rest = promised - bytes(containersRequest, "podLevel.containersRequest", report);
  if (!Number.isSafeInteger(containers) || containers < 1) {
    reportValue(report, "podLevel.containers", "must be a whole number, 1 or more", containers);
    return 0n;
  }
  return rest > 0n ? rest / BigInt(containers) : 0n;
}

function bytes(given: Quantity | undefined, path: string, report: Report): bigint {
  return readAmount(given, path, report)?.value() ?? 0n;
}

function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
