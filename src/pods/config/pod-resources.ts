// Sums over the containers of a pod, and the QoS class that follows from them.
import { checkArgument, OptionTable, option, Violations } from "../../core/index.js";
import {
  type Amounts,
  type ResourceAmounts,
  type ResourceName,
  readAmounts,
  readWithoutDefaults,
  resourceNames,
} from "./amounts.js";
import { validated } from "./fields.js";
import { type ParsedQuantity, zero } from "./quantity.js";
import { readResources } from "./resources.js";
import type { ResourcesSpec } from "./spec-resources.js";

/** The resources of an init container. */
export interface InitContainerResources {
  /** @default no requests and limits */
  readonly resources?: ResourcesSpec | undefined;
  /**
   * Whether it is a sidecar, which keeps running beside the containers after it: a Kubernetes init container with the restart policy
   * `Always`.
   * @default false: it ends before the next container starts
   */
  readonly sidecar?: boolean | undefined;
}

/** The input of {@link podResources}. */
export interface PodResourcesInput {
  /** One per regular container; undefined for one without resources. */
  readonly containers: readonly (ResourcesSpec | undefined)[];
  /** The init containers in their order. @default none */
  readonly initContainers?: readonly InitContainerResources[] | undefined;
  /** Pod-level resources, which replace the sums. @default none */
  readonly pod?: ResourcesSpec | undefined;
  /**
   * The sandbox's own need. It is added to the requests, and to limits that are set. The kubelet leaves it out of
   * LinuxPodSandboxConfig.resources and includes it in the pod's cgroup.
   * @default none
   */
  readonly overhead?: ResourcesSpec | undefined;
}

const initContainerTable = new OptionTable<InitContainerResources>({
  resources: option.any,
  sidecar: option.boolean,
});
const array = (value: unknown) => (Array.isArray(value) ? undefined : "must be an array");
// Resources are specs, which are checked where they are read.
const podResourcesTable = new OptionTable<PodResourcesInput>({
  containers: option.required(array),
  initContainers: option.listOf(option.nested(initContainerTable)),
  pod: option.any,
  overhead: option.any,
});

/**
 * Computes the CPU and memory of a pod as Kubernetes does: per resource, the sum over regular containers and sidecars, or the
 * need of an init container together with the sidecars before it, whichever is larger. A container without a limit adds nothing to
 * the limits, so the requests may exceed them.
 *
 * @throws CriError `invalid_argument: invalid_spec`
 */
export function podResources(input: PodResourcesInput): ResourcesSpec {
  podResourcesTable.check("podResources", input);
  const { requests, limits } = validated("invalid pod resources", (violations) => {
    const sums = sumOf(input, violations);
    const level = input.pod === undefined ? undefined : podLevelAmounts(input.pod, sums, violations);
    const overhead = readChecked(input.overhead, "overhead", violations).requests;
    return {
      requests: perResource((name) => add(level?.requests[name] ?? sums.requests[name], overhead[name])),
      limits: perResource((name) => {
        const limit = level?.limits[name] ?? sums.limits[name];
        return limit === undefined || limit.nanos === 0n ? limit : add(limit, overhead[name]);
      }),
    };
  });
  return {
    cpu: limits.cpu?.toString(),
    memory: limits.memory?.toString(),
    requests: { cpu: requests.cpu?.toString(), memory: requests.memory?.toString() },
  };
}

const qosClasses: readonly QosClass[] = ["Guaranteed", "Burstable", "BestEffort"];

/** A pod's Quality of Service class, by which Kubernetes treats it when a node runs out of resources. */
export type QosClass = "Guaranteed" | "Burstable" | "BestEffort";

/** Reports a value that is not a QoS class. A class in another case would otherwise count as Burstable. */
export function checkQosClass(given: QosClass, path: string, violations: Violations): void {
  violations.check(qosClasses.includes(given), path, `must be one of ${qosClasses.join(", ")}`, given);
}

/** The options of {@link qosClass}. */
export interface QosClassOptions {
  /** The init containers; they count like the others. @default none */
  readonly initContainers?: readonly InitContainerResources[] | undefined;
  /**
   * Pod-level resources. Where they are set, even empty, they alone decide.
   * @default none
   */
  readonly pod?: ResourcesSpec | undefined;
}

const qosClassTable = new OptionTable<QosClassOptions>({
  initContainers: option.listOf(option.nested(initContainerTable)),
  pod: option.any,
});

/**
 * Computes the QoS class of a pod as Kubernetes does: BestEffort without any CPU and memory; Guaranteed when every container has limits
 * of both and the sum of requests equals the sum of limits; Burstable otherwise. 0 counts as not set.
 *
 * @param containers One per regular container; undefined for one without resources. `cpu` and `memory` are its limits
 * @throws CriError `invalid_argument: invalid_spec`
 */
export function qosClass(
  containers: readonly (ResourcesSpec | undefined)[],
  options: QosClassOptions = {},
): QosClass {
  checkArgument("qosClass", "containers", containers, array);
  qosClassTable.check("qosClass", options);
  const { initContainers = [], pod } = options;
  const parts = validated("invalid pod resources", (violations): Amounts[] => {
    if (pod !== undefined)
      return [podLevelAmounts(pod, sumOf({ containers, initContainers }, violations), violations)];
    return [
      ...containers.map((spec, i) => readChecked(spec, `containers[${i}]`, violations)),
      ...initContainers.map(({ resources }, i) =>
        readChecked(resources, `initContainers[${i}].resources`, violations),
      ),
    ];
  });
  return qosClassOf(parts);
}

/** Returns the QoS class of a pod whose containers have these amounts, or that has them itself. */
export function qosClassOf(parts: readonly Amounts[]): QosClass {
  const total = (of: keyof Amounts, name: ResourceName) =>
    parts.reduce((sum, amounts) => sum.plus(amounts[of][name] ?? zero), zero);
  const sums = resourceNames.map((name) => [total("requests", name), total("limits", name)] as const);
  if (sums.flat().every(({ nanos }) => nanos === 0n)) return "BestEffort";
  const allLimited = parts.every(({ limits }) =>
    resourceNames.every((name) => (limits[name] ?? zero).nanos > 0n),
  );
  return allLimited && sums.every(([request, limit]) => request.compare(limit) === 0)
    ? "Guaranteed"
    : "Burstable";
}

/** Reads the requests and limits of a spec. Reports problems of its other fields, too, although no sum has them. */
function readChecked(spec: ResourcesSpec | undefined, path: string, violations: Violations): Amounts {
  readResources(spec, path, violations, { sums: true });
  return readAmounts(spec, path, new Violations());
}

/** Computes the sums over the containers, without pod-level resources. */
function sumOf(
  { containers, initContainers = [] }: Pick<PodResourcesInput, "containers" | "initContainers">,
  violations: Violations,
): Amounts {
  const regular = containers.map((spec, i) => readChecked(spec, `containers[${i}]`, violations));
  const init = initContainers.map(({ resources, sidecar = false }, i) => ({
    amounts: readChecked(resources, `initContainers[${i}].resources`, violations),
    sidecar,
  }));
  const sum = (of: keyof Amounts) =>
    perResource((name) => {
      let sidecars: ParsedQuantity | undefined;
      let peak: ParsedQuantity | undefined;
      for (const { amounts, sidecar } of init) {
        const withSidecars = add(sidecars, amounts[of][name]);
        if (sidecar) sidecars = withSidecars;
        peak = larger(peak, withSidecars);
      }
      return larger(
        peak,
        regular.reduce((all, amounts) => add(all, amounts[of][name]), sidecars),
      );
    });
  return { requests: sum("requests"), limits: sum("limits") };
}

/** Reads pod-level resources. With limits, a missing request defaults to the containers' sum, then to the limit. */
function podLevelAmounts(pod: ResourcesSpec, sums: Amounts, violations: Violations): Amounts {
  readResources(pod, "pod", violations, { sums: true });
  const { limits, requests } = readWithoutDefaults(pod, "pod", new Violations());
  const hasLimits = resourceNames.some((name) => limits[name] !== undefined);
  const defaultRequest = (name: ResourceName) =>
    hasLimits ? (sums.requests[name] ?? limits[name]) : undefined;
  return { limits, requests: perResource((name) => requests[name] ?? defaultRequest(name)) };
}

function perResource(amount: (name: ResourceName) => ParsedQuantity | undefined): ResourceAmounts {
  return { cpu: amount("cpu"), memory: amount("memory") };
}

function add(one: ParsedQuantity | undefined, other: ParsedQuantity | undefined): ParsedQuantity | undefined {
  return one === undefined || other === undefined ? (one ?? other) : one.plus(other);
}

function larger(
  one: ParsedQuantity | undefined,
  other: ParsedQuantity | undefined,
): ParsedQuantity | undefined {
  return (one ?? zero).compare(other ?? zero) > 0 ? one : (other ?? one);
}
