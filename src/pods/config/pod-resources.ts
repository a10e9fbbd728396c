import { type Amounts, type AmountsOf, readAmounts, readGiven, resourceNames } from "./amounts.js";
import { type ParsedQuantity, zero } from "./quantity.js";
import { collecting, type Report } from "./report.js";
import type { ResourcesSpec } from "./spec-resources.js";

/** What a container that runs before the others may use. */
export interface InitContainerResources {
  /** @default nothing is said */
  readonly resources?: ResourcesSpec | undefined;
  /**
   * Whether it runs on beside those that follow, as an init container of Kubernetes with the restart policy `Always` does.
   * @default false: it ends before the next one starts
   */
  readonly sidecar?: boolean | undefined;
}

/** What {@link podResources} adds up. */
export interface PodResourcesInput {
  /** One for each regular container, undefined where nothing is said. */
  readonly containers: readonly (ResourcesSpec | undefined)[];
  /** The init containers in their order. @default none */
  readonly initContainers?: readonly InitContainerResources[] | undefined;
  /** What is said of the pod as a whole; it takes the place of the sums. @default nothing */
  readonly pod?: ResourcesSpec | undefined;
  /**
   * What the sandbox itself needs. It is added to requests, and to limits where there are some. The kubelet leaves it out of
   * LinuxPodSandboxConfig.resources, and has it in the pod's cgroup.
   * @default nothing
   */
  readonly overhead?: ResourcesSpec | undefined;
}

/**
 * What a pod needs of CPU and memory, as Kubernetes adds it up: for each resource the sum over regular containers and sidecars,
 * or more where an init container needs more beside the sidecars that started before it. A container without a limit adds
 * nothing to the limits, so that requests may be above them: `linuxResources(sums, path, report, { sums: true })`.
 *
 * @throws CriError `invalid_argument: invalid_spec`
 */
export function podResources(input: PodResourcesInput): ResourcesSpec {
  const { requests, limits } = collecting("The resources of the pod", (report) => {
    const sums = sumOf(input, report);
    const level = input.pod && podLevel(input.pod, sums, report);
    const overhead = readAmounts(input.overhead, "overhead", report).requests;
    return {
      requests: each((name) => add(level?.requests[name] ?? sums.requests[name], overhead[name])),
      limits: each((name) => {
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

/** The sums over containers, without what is said of the pod as a whole. */
export function sumOf(
  { containers, initContainers = [] }: Pick<PodResourcesInput, "containers" | "initContainers">,
  report: Report,
): Amounts {
  const regular = containers.map((spec, i) => readAmounts(spec, `containers[${i}]`, report));
  const init = initContainers.map(({ resources, sidecar = false }, i) => ({
    amounts: readAmounts(resources, `initContainers[${i}].resources`, report),
    sidecar,
  }));
  const sum = (of: keyof Amounts) =>
    each((name) => {
      let sidecars: ParsedQuantity | undefined;
      let most: ParsedQuantity | undefined;
      for (const { amounts, sidecar } of init) {
        const beside = add(sidecars, amounts[of][name]);
        if (sidecar) sidecars = beside;
        most = larger(most, beside);
      }
      return larger(
        most,
        regular.reduce((all, amounts) => add(all, amounts[of][name]), sidecars),
      );
    });
  return { requests: sum("requests"), limits: sum("limits") };
}

/** What is said of the pod as a whole. Where it has limits, it requests what its containers do, else as much as its limit. */
export function podLevel(pod: ResourcesSpec, sums: Amounts, report: Report): Amounts {
  const { limits, requests } = readGiven(pod, "pod", report);
  const limited = resourceNames.some((name) => limits[name] !== undefined);
  const defaults = (name: (typeof resourceNames)[number]) =>
    limited ? (sums.requests[name] ?? limits[name]) : undefined;
  return { limits, requests: each((name) => requests[name] ?? defaults(name)) };
}

function each(amount: (name: (typeof resourceNames)[number]) => ParsedQuantity | undefined): AmountsOf {
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
