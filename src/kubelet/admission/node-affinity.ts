import { isKeyed } from "../../core/index.js";
import type { Node } from "../../kubernetes/index.js";
import type { AdmissionCheck } from "../admission-check.js";
import { checkedRequest } from "./checked-request.js";
import { predicateFailed } from "./predicate.js";
import { wholeNumber } from "./whole-number.js";

/** Refuses pods whose `nodeSelector` or required node affinity does not match the node. */
export const checkNodeAffinity: AdmissionCheck = checkedRequest("checkNodeAffinity", ({ pod, node }) => {
  const labels = node.metadata?.labels ?? {};
  const { nodeSelector = {}, affinity } = pod.spec;
  const isSelected = Object.entries(nodeSelector).every(
    ([key, value]) => Object.hasOwn(labels, key) && labels[key] === value,
  );
  if (isSelected && matchesAffinity(affinity, node)) return undefined;
  return predicateFailed("NodeAffinity", "node(s) didn't match Pod's node affinity/selector");
});

/** Reports whether one of the terms matches. The affinity of a Pod is not typed, so each field is checked. */
function matchesAffinity(affinity: object | undefined, node: Node): boolean {
  const nodeAffinity = fieldOf(affinity, "nodeAffinity");
  const required = fieldOf(nodeAffinity, "requiredDuringSchedulingIgnoredDuringExecution");
  if (required === undefined) return true;
  return listOf(required, "nodeSelectorTerms").some((term) => matchesTerm(term, node));
}

/** Reports whether all expressions of a term match. A term without any matches no node. */
function matchesTerm(term: unknown, node: Node): boolean {
  const expressions = listOf(term, "matchExpressions");
  const fields = listOf(term, "matchFields");
  if (expressions.length + fields.length === 0) return false;
  const labels = node.metadata?.labels ?? {};
  const name = node.metadata?.name;
  const ofNode = name === undefined ? {} : { "metadata.name": name };
  return (
    expressions.every((expression) => matches(expression, labels)) &&
    fields.every((expression) => matches(expression, ofNode))
  );
}

function matches(expression: unknown, values: Readonly<Record<string, string>>): boolean {
  const key = fieldOf(expression, "key");
  if (typeof key !== "string") return false;
  const value = Object.hasOwn(values, key) ? values[key] : undefined;
  const wanted = listOf(expression, "values");
  switch (fieldOf(expression, "operator")) {
    case "In":
      return value !== undefined && wanted.includes(value);
    case "NotIn":
      return value === undefined || !wanted.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    case "Gt":
      return compare(value, wanted, (actual, limit) => actual > limit);
    case "Lt":
      return compare(value, wanted, (actual, limit) => actual < limit);
    default:
      return false;
  }
}

/** Compares whole numbers. Anything else matches nothing. */
function compare(
  value: string | undefined,
  wanted: readonly unknown[],
  holds: (actual: bigint, limit: bigint) => boolean,
): boolean {
  const [actual, limit] = [value, wanted[0]].map(wholeNumber);
  return wanted.length === 1 && actual !== undefined && limit !== undefined && holds(actual, limit);
}

function fieldOf(value: unknown, name: string): unknown {
  const field: unknown = isKeyed(value) ? value[name] : undefined;
  return field ?? undefined;
}

function listOf(value: unknown, name: string): readonly unknown[] {
  const list = fieldOf(value, name);
  return Array.isArray(list) ? list : [];
}
