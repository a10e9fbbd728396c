// The kubelet's numbers that depend on the memory of the node: OOM scores and swap limits.
import { OptionTable, option, type Violations } from "../../core/index.js";
import { readAmount } from "./amounts.js";
import { validated } from "./fields.js";
import { checkQosClass, type QosClass } from "./pod-resources.js";
import type { Quantity } from "./spec-resources.js";

/** The options of {@link oomScoreAdj}. */
export interface OomScoreOptions {
  /** The pod's QoS class, see `qosClass()`. */
  readonly qos: QosClass;
  /** The memory of the node in bytes. */
  readonly memoryCapacityBytes: number | bigint;
  /**
   * The container's memory request; its limit where it has only a limit.
   * @default 0
   */
  readonly memoryRequest?: Quantity | undefined;
  /**
   * Whether the pod is critical for the node: a static pod or mirror pod of the priority class `system-node-critical`, or a pod with a
   * priority of 2,000,000,000 or more.
   * @default false
   */
  readonly nodeCritical?: boolean | undefined;
  /**
   * For a sidecar: the memory requests of the regular containers. A sidecar is killed no earlier than the regular container with the
   * smallest request.
   * @default the container is not a sidecar
   */
  readonly regularRequests?: readonly (Quantity | undefined)[] | undefined;
  /**
   * For a pod with a pod-level memory request: each container gets an equal share of the part that the containers do not request themselves.
   * @default no pod-level request
   */
  readonly podLevel?: PodLevelMemory | undefined;
}

/** The pod-level memory request of a pod. */
export interface PodLevelMemory {
  /** The request of the pod. */
  readonly memoryRequest: Quantity;
  /** The sum of its containers' requests: `podResources()` without `pod`. */
  readonly containersRequest: Quantity;
  /** The number of its containers, init containers included; 1 or more. */
  readonly containers: number;
}

// The quantities and the numbers of bytes are checked where they are read.
const podLevelTable = new OptionTable<PodLevelMemory>({
  memoryRequest: option.required(option.any),
  containersRequest: option.required(option.any),
  containers: option.required(option.any),
});
const oomScoreTable = new OptionTable<OomScoreOptions>({
  qos: option.required(option.any),
  memoryCapacityBytes: option.required(option.any),
  memoryRequest: option.any,
  nodeCritical: option.boolean,
  regularRequests: (value) => (Array.isArray(value) ? undefined : "must be an array"),
  podLevel: option.nested(podLevelTable),
});

const guaranteedScore = -997;
const bestEffortScore = 1000;
const maxBurstableScore = 999;
const minBurstableScore = 3;

/**
 * Computes oom_score_adj as the kubelet does, from -997 to 1000. The higher it is, the earlier the kernel kills the container when
 * the node runs out of memory. A process needs CAP_SYS_RESOURCE to start containers with a lower score than its own.
 *
 * @throws CriError `invalid_argument: invalid_spec`
 */
export function oomScoreAdj(options: OomScoreOptions): number {
  oomScoreTable.check("oomScoreAdj", options);
  return validated("invalid options of oomScoreAdj()", (violations) => {
    checkQosClass(options.qos, "qos", violations);
    const capacity = readNodeBytes(options.memoryCapacityBytes, 1, "memoryCapacityBytes", violations);
    const score = (request: bigint) => 1000n - (1000n * request) / capacity;
    const request =
      readBytes(options.memoryRequest, "memoryRequest", violations) + podShare(options.podLevel, violations);
    const regular = (options.regularRequests ?? []).map((given, i) =>
      readBytes(given, `regularRequests[${i}]`, violations),
    );
    if (options.nodeCritical || options.qos === "Guaranteed") return guaranteedScore;
    if (options.qos === "BestEffort") return bestEffortScore;
    // A larger request means a smaller score. A sidecar counts the smallest regular request if that is larger than its own.
    const counted = regular.length === 0 ? request : larger(request, regular.reduce(smaller));
    return Math.min(maxBurstableScore, Math.max(minBurstableScore, Number(score(counted))));
  });
}

/** Returns a container's equal share of the pod-level request, less the sum of the containers' own requests. */
function podShare(pod: PodLevelMemory | undefined, violations: Violations): bigint {
  if (pod === undefined) return 0n;
  const { memoryRequest, containersRequest, containers } = pod;
  const podRequest = readBytes(memoryRequest, "podLevel.memoryRequest", violations);
  const rest = podRequest - readBytes(containersRequest, "podLevel.containersRequest", violations);
  if (!Number.isSafeInteger(containers) || containers < 1) {
    violations.addValue("podLevel.containers", "must be an integer, 1 or more", containers);
    return 0n;
  }
  return rest > 0n ? rest / BigInt(containers) : 0n;
}

/** The options of {@link swapLimit}. */
export interface SwapLimitOptions {
  /** The pod's QoS class, see `qosClass()`. */
  readonly qos: QosClass;
  /** The memory of the node in bytes. */
  readonly memoryCapacityBytes: number | bigint;
  /** The swap of the node in bytes. */
  readonly swapCapacityBytes: number | bigint;
  /**
   * The container's memory request.
   * @default its limit
   */
  readonly memoryRequest?: Quantity | undefined;
  /** The container's memory limit. @default 0, no limit */
  readonly memoryLimit?: Quantity | undefined;
  /**
   * Whether the pod is critical: a static pod, or a priority of 2,000,000,000 or more.
   * @default false
   */
  readonly critical?: boolean | undefined;
}

const swapLimitTable = new OptionTable<SwapLimitOptions>({
  qos: option.required(option.any),
  memoryCapacityBytes: option.required(option.any),
  swapCapacityBytes: option.required(option.any),
  memoryRequest: option.any,
  memoryLimit: option.any,
  critical: option.boolean,
});

/**
 * Computes the bytes of swap that a container may use under the kubelet's `LimitedSwap`: the node's swap, times the container's part
 * of the node's memory. 0 unless the pod is Burstable and not critical, and the container's limit exceeds its request. Pass the
 * result as text in `memory.swap.max` of `ResourcesSpec.unified`; under `NoSwap` the kubelet writes `0` there.
 *
 * @throws CriError `invalid_argument: invalid_spec`
 */
export function swapLimit(options: SwapLimitOptions): bigint {
  swapLimitTable.check("swapLimit", options);
  return validated("invalid options of swapLimit()", (violations) => {
    checkQosClass(options.qos, "qos", violations);
    const memory = readNodeBytes(options.memoryCapacityBytes, 1, "memoryCapacityBytes", violations);
    const swap = readNodeBytes(options.swapCapacityBytes, 0, "swapCapacityBytes", violations);
    const limit = readBytes(options.memoryLimit, "memoryLimit", violations);
    const request = readAmount(options.memoryRequest, "memoryRequest", violations)?.value() ?? limit;
    if (options.qos !== "Burstable" || options.critical || request === limit) return 0n;
    // In floating point, like the kubelet, so that the results are equal to the byte.
    return BigInt(Math.trunc((Number(request) / Number(memory)) * Number(swap)));
  });
}

function readNodeBytes(given: number | bigint, min: number, path: string, violations: Violations): bigint {
  if (typeof given === "bigint" ? given >= min : Number.isSafeInteger(given) && given >= min)
    return BigInt(given);
  violations.addValue(path, `must be an integer number of bytes, ${min} or more`, given);
  return BigInt(min);
}

function readBytes(given: Quantity | undefined, path: string, violations: Violations): bigint {
  return readAmount(given, path, violations)?.value() ?? 0n;
}

function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
