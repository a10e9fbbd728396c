import { isCriError } from "../../core/index.js";
import { type ParsedQuantity, parseQuantity } from "../../pods/index.js";
import type { Container, PodSpec, Quantity, ResourceRequirements, Resources } from "../api/index.js";

/** What the containers of a pod need together, by the name of the resource. */
export type ResourceSums = ReadonlyMap<string, ParsedQuantity>;

/** Reports whether a pod-level resource may have this name. */
export function isPodLevelResource(name: string): boolean {
  return name === "cpu" || name === "memory" || name.startsWith("hugepages-");
}

/** Reports whether the containers of a node may be given more of a resource than it has. */
export function isOvercommitAllowed(name: string): boolean {
  return !name.includes("/") && !name.startsWith("hugepages-");
}

/**
 * Adds up the requests or limits of containers: regular containers and sidecars, or an init container with the sidecars before it,
 * whichever need more. A container without an amount adds nothing. Amounts that cannot be parsed count as absent.
 *
 * Source: component-helpers/resource, AggregateContainerRequests and AggregateContainerLimits.
 */
export function aggregateContainers(spec: PodSpec, of: "requests" | "limits"): ResourceSums {
  const sums = new Map<string, ParsedQuantity>();
  for (const container of spec.containers) add(sums, amountsOf(container, of));
  const sidecars = new Map<string, ParsedQuantity>();
  const peaks = new Map<string, ParsedQuantity>();
  for (const container of spec.initContainers ?? []) {
    const amounts = amountsOf(container, of);
    const candidate = new Map(sidecars);
    add(candidate, amounts);
    raise(peaks, candidate);
    if (container.restartPolicy !== "Always") continue;
    add(sidecars, amounts);
    add(sums, amounts);
  }
  raise(sums, peaks);
  return sums;
}

/**
 * Returns the pod-level resources with the requests that an API server adds where there are limits: what the containers request of cpu
 * and memory, otherwise the limit. Limits of huge pages default to those of the containers.
 */
export function defaultPodResources(spec: PodSpec): ResourceRequirements | undefined {
  const { resources } = spec;
  if (!resources) return undefined;
  const hugePages = [...aggregateContainers(spec, "limits")].filter(([name]) =>
    name.startsWith("hugepages-"),
  );
  const limits: Resources = { ...textsOf(hugePages), ...resources.limits };
  if (Object.keys(limits).length === 0) return resources;
  const requested = [...aggregateContainers(spec, "requests")].filter(
    ([name]) => isPodLevelResource(name) && isOvercommitAllowed(name),
  );
  const fromLimits = Object.entries(limits).filter(([name]) => isPodLevelResource(name));
  const requests = { ...Object.fromEntries(fromLimits), ...textsOf(requested), ...resources.requests };
  return { ...resources, limits, requests };
}

/** Parses an amount; undefined when it is not a quantity. */
export function tryParseQuantity(amount: Quantity): ParsedQuantity | undefined {
  try {
    return parseQuantity(amount);
  } catch (error) {
    if (isCriError(error)) return undefined;
    throw error;
  }
}

function amountsOf(container: Container, of: "requests" | "limits"): ResourceSums {
  const amounts = Object.entries(container.resources?.[of] ?? {}).flatMap(([name, amount]) => {
    const parsed = tryParseQuantity(amount);
    return parsed === undefined ? [] : [[name, parsed] as const];
  });
  return new Map(amounts);
}

function add(sums: Map<string, ParsedQuantity>, amounts: ResourceSums): void {
  for (const [name, amount] of amounts) sums.set(name, sums.get(name)?.plus(amount) ?? amount);
}

function raise(sums: Map<string, ParsedQuantity>, amounts: ResourceSums): void {
  for (const [name, amount] of amounts) {
    const sum = sums.get(name);
    if (sum === undefined || sum.compare(amount) < 0) sums.set(name, amount);
  }
}

function textsOf(sums: Iterable<readonly [string, ParsedQuantity]>): Resources {
  return Object.fromEntries([...sums].map(([name, amount]) => [name, amount.toString()]));
}
