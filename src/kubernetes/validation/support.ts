import { isRecord } from "../../core/index.js";
import type { Pod } from "../api/index.js";
import { type FieldInput, type FieldSupport, fieldTables } from "../fields.js";
import { type AnyType, FieldPath, type FieldProblems, podType } from "../schema/index.js";
import type { ValidatePodOptions } from "./validate-options.js";

/** Refuses the fields that the tables of `fields.ts` refuse: those that are not supported, and those whose input is not given. */
export function checkSupport(pod: Pod, options: ValidatePodOptions, problems: FieldProblems): void {
  const hasNoToken = pod.spec?.automountServiceAccountToken === false;
  visit(podType, pod, FieldPath.root, (owner, field, value, path) => {
    const tables = Object.hasOwn(fieldTables, owner) ? fieldTables[owner] : undefined;
    const row = tables !== undefined && Object.hasOwn(tables, field) ? tables[field] : undefined;
    if (row === undefined || !isSet(value)) return;
    // The default of every container.
    if (field === "resources" && isRecord(value) && Object.keys(value).length === 0) return;
    // Without a token, the service account is only a name. "default" is what a Pod has that names none.
    if (owner === "PodSpec" && field.startsWith("serviceAccount") && (hasNoToken || value === "default"))
      return;
    if (row.support === "refused") problems.forbidden(path, row.text);
    else if (row.support === "needs-api-server" && !isGiven(row, field, options))
      problems.forbidden(path, reasonOf(row));
  });
}

function isGiven(
  { input }: FieldSupport,
  field: string,
  { inputs, volumePlugins, readinessGates }: ValidatePodOptions,
): boolean {
  if (input === undefined) return false;
  if (input === "readinessGates") return readinessGates === true;
  if (input !== "volumePlugin") return inputs?.[input] !== undefined;
  return typeof Object.entries(volumePlugins ?? {}).find(([source]) => source === field)?.[1] === "function";
}

const inputNames = {
  configMaps: "ConfigMaps",
  secrets: "Secrets",
  runtimeClasses: "RuntimeClasses",
} as const;

function isNamed(input: FieldInput): input is keyof typeof inputNames {
  return Object.hasOwn(inputNames, input);
}

function reasonOf({ input, text }: FieldSupport): string {
  if (input === undefined || !isNamed(input)) return text;
  return `${inputNames[input]} come from an API server: pass them in inputs.${input}`;
}

/** An empty list, an empty string and `false` ask for nothing. */
function isSet(value: unknown): boolean {
  return value !== "" && value !== false && !(Array.isArray(value) && value.length === 0);
}

type Visitor = (owner: string, field: string, value: unknown, path: FieldPath) => void;

/** Calls the visitor for each field of each object of a value that was checked against its type. */
function visit(type: AnyType, value: unknown, path: FieldPath, visitor: Visitor): void {
  if (type.kind === "list" && Array.isArray(value))
    for (const [index, item] of (value as unknown[]).entries())
      visit(type.item, item, path.index(index), visitor);
  if (type.kind !== "object" || !isRecord(value)) return;
  for (const [field, inner] of Object.entries(value)) {
    visitor(type.name, field, inner, path.child(field));
    const fieldType = type.fields[field];
    if (fieldType !== undefined) visit(fieldType, inner, path.child(field), visitor);
  }
}
