import { badRequest } from "./api-error.js";
import { textAt, valueAt } from "./json.js";
import type { KubeObject } from "./kube-object.js";
import type { Resource } from "./resources.js";

/** Whether an object is selected. */
export type Selector = (object: KubeObject) => boolean;

/**
 * Parses a label selector: `a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b,c)`, `a`, `!a`, with commas.
 *
 * @throws {ApiError} 400 for anything else
 */
export function labelSelector(text: string): Selector {
  const requirements = splitOutsideParentheses(text).map(labelRequirement);
  return (object) => requirements.every((holds) => holds(object.metadata.labels ?? {}));
}

type Labels = Readonly<Record<string, string>>;

function labelRequirement(text: string): (labels: Labels) => boolean {
  const set = /^\s*([\w./-]+)\s+(in|notin)\s+\(([^)]*)\)\s*$/.exec(text);
  if (set) {
    const [, key = "", operator, list = ""] = set;
    const values = list.split(",").map((value) => value.trim());
    return (labels) => values.includes(labels[key] ?? "\0") === (operator === "in");
  }
  const equality = /^\s*([\w./-]+)\s*(==|!=|=)\s*([\w.-]*)\s*$/.exec(text);
  if (equality) {
    const [, key = "", operator, value = ""] = equality;
    return (labels) => (labels[key] === value) === (operator !== "!=");
  }
  const existence = /^\s*(!?)\s*([\w./-]+)\s*$/.exec(text);
  if (existence) {
    const [, negation, key = ""] = existence;
    return (labels) => key in labels === (negation === "");
  }
  throw badRequest(`unable to parse requirement: ${JSON.stringify(text)}`);
}

function splitOutsideParentheses(text: string): string[] {
  return text.split(/,(?![^(]*\))/).filter((part) => part.trim() !== "");
}

/** A parsed field selector: each field with its operator and value. */
export interface FieldRequirement {
  readonly field: string;
  readonly equals: boolean;
  readonly value: string;
}

/**
 * Parses a field selector.
 *
 * @throws {ApiError} 400 for a field that the resource does not have, as a real API server answers
 */
export function fieldRequirements(resource: Resource, text: string): FieldRequirement[] {
  return text
    .split(",")
    .filter((part) => part !== "")
    .map((part) => {
      const [, field = "", operator = "", value = ""] = /^([^=!]+)(==|!=|=)(.*)$/.exec(part) ?? [];
      if (operator === "") throw badRequest(`invalid selector: ${JSON.stringify(part)}`);
      const known = ["metadata.name", "metadata.namespace", ...resource.selectableFields];
      if (!known.includes(field))
        throw badRequest(
          `Unable to find ${JSON.stringify(resource.plural)} that match label selector "", field selector ${JSON.stringify(text)}: field label not supported: ${field}`,
        );
      return { field, equals: operator !== "!=", value };
    });
}

/** Returns the selector for requirements. An absent field is "". */
export function fieldSelector(requirements: readonly FieldRequirement[]): Selector {
  return (object) =>
    requirements.every(({ field, equals, value }) => (fieldText(object, field) === value) === equals);
}

function fieldText(object: KubeObject, field: string): string {
  if (field === "source")
    return textAt(object, "source", "component") || textAt(object, "reportingComponent");
  const value = valueAt(object, ...field.split("."));
  if (value === undefined || value === null)
    return /^spec\.(unschedulable|hostNetwork)$/.test(field) ? "false" : "";
  return String(value);
}
