import type { Violations } from "../../core/index.js";
import { type ParsedQuantity, readQuantity } from "./quantity.js";
import type { Quantity, ResourcesSpec } from "./spec-resources.js";

/** The resources that have a request and a limit. */
export const resourceNames = ["cpu", "memory"] as const;
export type ResourceName = (typeof resourceNames)[number];

/** An amount of each resource; undefined where the spec has none. */
export type ResourceAmounts = { readonly [name in ResourceName]?: ParsedQuantity | undefined };

/** The requests and limits of a container or a pod. */
export interface Amounts {
  readonly requests: ResourceAmounts;
  readonly limits: ResourceAmounts;
}

/** Reads requests and limits. A missing request defaults to the limit, as in the API server. */
export function readAmounts(spec: ResourcesSpec | undefined, path: string, violations: Violations): Amounts {
  const { requests, limits } = readWithoutDefaults(spec, path, violations);
  return { limits, requests: { cpu: requests.cpu ?? limits.cpu, memory: requests.memory ?? limits.memory } };
}

/** Reads requests and limits without defaults. */
export function readWithoutDefaults(
  spec: ResourcesSpec | undefined,
  path: string,
  violations: Violations,
): Amounts {
  const read = (given: Quantity | undefined, field: string) =>
    readAmount(given, `${path}.${field}`, violations);
  const requests = spec?.requests;
  return {
    limits: { cpu: read(spec?.cpu, "cpu"), memory: read(spec?.memory, "memory") },
    requests: { cpu: read(requests?.cpu, "requests.cpu"), memory: read(requests?.memory, "requests.memory") },
  };
}

/** Reads an amount of 0 or more; undefined where it is not set or invalid. */
export function readAmount(
  given: Quantity | undefined,
  path: string,
  violations: Violations,
): ParsedQuantity | undefined {
  if (given === undefined) return undefined;
  const amount = readQuantity(given, path, violations);
  if (amount === undefined || amount.nanos >= 0n) return amount;
  violations.addValue(path, "must not be negative", given);
  return undefined;
}
