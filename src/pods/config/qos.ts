import { type Amounts, type AmountsOf, readAmounts, resourceNames } from "./amounts.js";
import { type InitContainerResources, podLevel, sumOf } from "./pod-resources.js";
import { zero } from "./quantity.js";
import { collecting, type Report, reportValue } from "./report.js";
import type { ResourcesSpec } from "./spec-resources.js";

const classes = ["Guaranteed", "Burstable", "BestEffort"] as const;

/** How well Kubernetes treats a pod when a node runs short. */
export type QosClass = (typeof classes)[number];

/** Reports a class that is none; a wrong case would be taken for another one. */
export function checkQosClass(given: QosClass, path: string, report: Report): void {
  if (!classes.includes(given)) reportValue(report, path, `must be one of ${classes.join(", ")}`, given);
}

/** What else of a pod {@link qosClass} looks at. */
export interface QosClassOptions {
  /** The init containers; they count as the others do. @default none */
  readonly initContainers?: readonly InitContainerResources[] | undefined;
  /**
   * What is said of the pod as a whole. Where it is there, even empty, it alone is judged.
   * @default nothing
   */
  readonly pod?: ResourcesSpec | undefined;
}

/**
 * The class of a pod, as Kubernetes tells it: BestEffort without any CPU and memory; Guaranteed when every container has limits
 * of both and the sums of requests are those of limits; Burstable else. An amount of 0 is none.
 *
 * @param containers One for each regular container, undefined where nothing is said; `cpu` and `memory` are its limits
 * @throws CriError `invalid_argument: invalid_spec` when an amount is none
 */
export function qosClass(
  containers: readonly (ResourcesSpec | undefined)[],
  options: QosClassOptions = {},
): QosClass {
  const { initContainers = [], pod } = options;
  const judged = collecting("The resources of the pod", (report): Amounts[] => {
    if (pod !== undefined) return [podLevel(pod, sumOf({ containers, initContainers }, report), report)];
    return [
      ...containers.map((spec, i) => readAmounts(spec, `containers[${i}]`, report)),
      ...initContainers.map(({ resources }, i) =>
        readAmounts(resources, `initContainers[${i}].resources`, report),
      ),
    ];
  });
  const total = (of: keyof Amounts, name: keyof AmountsOf) =>
    judged.reduce((sum, amounts) => sum.plus(amounts[of][name] ?? zero), zero);
  const sums = resourceNames.map((name) => [total("requests", name), total("limits", name)] as const);
  if (sums.flat().every(({ nanos }) => nanos === 0n)) return "BestEffort";
  const limited = judged.every(({ limits }) =>
    resourceNames.every((name) => (limits[name] ?? zero).nanos > 0n),
  );
  return limited && sums.every(([request, limit]) => request.compare(limit) === 0)
    ? "Guaranteed"
    : "Burstable";
}
