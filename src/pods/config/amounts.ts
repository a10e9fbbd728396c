import { type ParsedQuantity, readQuantity } from "./quantity.js";
import { type Report, reportValue } from "./report.js";
import type { Quantity, ResourcesSpec } from "./spec-resources.js";

/** The resources that are promised as well as limited. */
export const resourceNames = ["cpu", "memory"] as const;
export type ResourceName = (typeof resourceNames)[number];

/** An amount of each resource that something is said of. */
export type AmountsOf = { readonly [name in ResourceName]?: ParsedQuantity | undefined };

/** What one container or pod is promised, and what it may have. */
export interface Amounts {
  readonly requests: AmountsOf;
  readonly limits: AmountsOf;
}

/** CPU and memory of a spec. What is limited and not requested is requested in full, as the API server defaults it. */
export function readAmounts(spec: ResourcesSpec | undefined, path: string, report: Report): Amounts {
  const { requests, limits } = readGiven(spec, path, report);
  return { limits, requests: { cpu: requests.cpu ?? limits.cpu, memory: requests.memory ?? limits.memory } };
}

/** CPU and memory of a spec, without defaults. */
export function readGiven(spec: ResourcesSpec | undefined, path: string, report: Report): Amounts {
  const read = (given: Quantity | undefined, field: string) => readAmount(given, `${path}.${field}`, report);
  const requests = spec?.requests;
  return {
    limits: { cpu: read(spec?.cpu, "cpu"), memory: read(spec?.memory, "memory") },
    requests: { cpu: read(requests?.cpu, "requests.cpu"), memory: read(requests?.memory, "requests.memory") },
  };
}

/** An amount that is not negative, or undefined where none is said or a wrong one. */
export function readAmount(
  given: Quantity | undefined,
  path: string,
  report: Report,
): ParsedQuantity | undefined {
  if (given === undefined) return undefined;
  const amount = readQuantity(given, path, report);
  if (amount === undefined || amount.nanos >= 0n) return amount;
  reportValue(report, path, "must not be negative", given);
  return undefined;
}

/** How many bytes a node has of something. */
export function readNodeBytes(given: number | bigint, least: number, path: string, report: Report): bigint {
  if (typeof given === "bigint" ? given >= least : Number.isSafeInteger(given) && given >= least)
    return BigInt(given);
  reportValue(report, path, `must be a whole number of bytes, ${least} or more`, given);
  return BigInt(least);
}
