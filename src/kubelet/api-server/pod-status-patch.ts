import type { PodStatus } from "../../kubernetes/index.js";
import { isSameJson, mergeListPatch, replaceListPatch } from "./merge-lists.js";

/** Lists whose elements would be merged by their address, although their order matters. */
const addressLists: ReadonlySet<string> = new Set(["hostIPs", "podIPs"]);

/** Returns the strategic merge patch from one status to another; undefined when they are equal. */
export function podStatusPatch(
  before: PodStatus<string>,
  after: PodStatus<string>,
): Readonly<Record<string, unknown>> | undefined {
  const { conditions: oldConditions = [], ...old } = before;
  const { conditions = [], ...rest } = after;
  const names = new Set([...Object.keys(old), ...Object.keys(rest)]) as Set<keyof typeof rest>;
  const entries = [...names].flatMap((name): [string, unknown][] => {
    const value = rest[name];
    if (isSameJson(value, old[name])) return [];
    if (value === undefined) return [[name, null]];
    return [[name, addressLists.has(name) && Array.isArray(value) ? replaceListPatch(value) : value]];
  });
  const conditionsPatch = mergeListPatch(oldConditions, conditions, "type");
  if (conditionsPatch) entries.push(["conditions", conditionsPatch]);
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}
