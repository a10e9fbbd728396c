import { readAmount, readNodeBytes } from "./amounts.js";
import { checkQosClass, type QosClass } from "./qos.js";
import { collecting } from "./report.js";
import type { Quantity } from "./spec-resources.js";

/** What {@link swapLimit} computes from. */
export interface SwapLimitOptions {
  /** The pod's class, see `qosClass()`. */
  readonly qos: QosClass;
  /** The memory of the node in bytes. */
  readonly memoryCapacityBytes: number | bigint;
  /** The swap of the node in bytes. */
  readonly swapCapacityBytes: number | bigint;
  /**
   * The memory that the container is promised.
   * @default its limit
   */
  readonly memoryRequest?: Quantity | undefined;
  /** @default 0, no limit */
  readonly memoryLimit?: Quantity | undefined;
  /**
   * Whether the pod is critical: a static one, or of a priority of 2,000,000,000 or more.
   * @default false
   */
  readonly critical?: boolean | undefined;
}

/**
 * How many bytes of swap a container may use with the kubelet's `LimitedSwap`: of the node's swap the part that it requests of
 * the node's memory. 0 unless the pod is Burstable and not critical, and the container may use more memory than it requests.
 * The text of it goes into `memory.swap.max` of `ResourcesSpec.unified`; with `NoSwap` the kubelet writes `0` there.
 *
 * @throws CriError `invalid_argument: invalid_spec`
 */
export function swapLimit(options: SwapLimitOptions): bigint {
  return collecting("The limit of swap", (report) => {
    checkQosClass(options.qos, "qos", report);
    const memory = readNodeBytes(options.memoryCapacityBytes, 1, "memoryCapacityBytes", report);
    const swap = readNodeBytes(options.swapCapacityBytes, 0, "swapCapacityBytes", report);
    const limit = readAmount(options.memoryLimit, "memoryLimit", report)?.value() ?? 0n;
    const request = readAmount(options.memoryRequest, "memoryRequest", report)?.value() ?? limit;
    if (options.qos !== "Burstable" || options.critical || request === limit) return 0n;
    // In floating point as the kubelet does it, so that both get the same bytes.
    return BigInt(Math.trunc((Number(request) / Number(memory)) * Number(swap)));
  });
}
