import { closestMatch, describe, isCriError, isDate, isKeyed, isRecord } from "../../core/index.js";
import { parseQuantity } from "../../pods/index.js";
import type { Quantity } from "../api/index.js";
import type { FieldPath } from "./field-path.js";
import type { FieldProblems } from "./field-problems.js";
import { podType } from "./pod-types.js";
import type { AnyType, ObjectType, ValueType } from "./value-types.js";

/** How deep a value may be that has no type here, such as an affinity. */
const maxOpaqueDepth = 64;

/**
 * Checks a value against its type, as strict field validation of an API server does, and returns a copy with the fields that are set:
 * null is as good as absent. Continues after a problem, so that all are reported; the result is valid only when there are none.
 */
export function readValue<T>(
  type: ValueType<T>,
  value: unknown,
  path: FieldPath,
  problems: FieldProblems,
): T | undefined {
  // The checks follow the type, which the compiler compared with T.
  return read(type, value, path, problems) as T | undefined;
}

function read(type: AnyType, value: unknown, path: FieldPath, problems: FieldProblems): unknown {
  switch (type.kind) {
    case "object":
      return readObject(type, value, path, problems);
    case "list":
      return readList(type.item, value, path, problems);
    case "map":
      return readMap(type.item, value, path, problems);
    case "string":
      return readString(value, path, problems, type.isSecret);
    case "integer":
      return readInteger(value, type.bits, path, problems);
    case "quantity":
      return readAmount(value, path, problems);
    case "boolean":
      if (typeof value === "boolean") return value;
      return wrongType(path, value, problems, "must be true or false");
    case "port":
      if (typeof value === "string") return readString(value, path, problems, false);
      return readInteger(value, 32, path, problems);
    case "time":
      if (typeof value === "string" || isDate(value)) return value;
      return wrongType(path, value, problems, "must be a time such as 2026-01-31T12:00:00Z, in quotes");
    case "opaque":
      if (isRecord(value) && isJson(value, maxOpaqueDepth)) return value;
      return wrongType(
        path,
        value,
        problems,
        `must be a map of JSON values, of at most ${maxOpaqueDepth} levels`,
      );
  }
}

function readObject(type: ObjectType, value: unknown, path: FieldPath, problems: FieldProblems): unknown {
  if (!isKeyed(value)) return wrongType(path, value, problems, "must be a map of fields");
  const entries: [string, unknown][] = [];
  for (const [name, inner] of Object.entries(value)) {
    if (inner === undefined) continue;
    const field = Object.hasOwn(type.fields, name) ? type.fields[name] : undefined;
    if (field === undefined) {
      if (!type.isOpen) problems.unknown(path.child(name), unknownField(type, name));
      continue;
    }
    if (inner === null) continue;
    const found = read(field, inner, path.child(name), problems);
    if (found !== undefined) entries.push([name, found]);
  }
  for (const [name, field] of Object.entries(type.fields))
    if (field.isRequired && (value[name] === undefined || value[name] === null))
      problems.required(path.child(name));
  return Object.fromEntries(entries);
}

function readList(item: AnyType, value: unknown, path: FieldPath, problems: FieldProblems): unknown {
  if (!Array.isArray(value)) return wrongType(path, value, problems, "must be a list");
  // Array.from also visits the holes of a sparse array.
  return Array.from(value as unknown[], (one, index) => read(item, one, path.index(index), problems));
}

function readMap(item: AnyType, value: unknown, path: FieldPath, problems: FieldProblems): unknown {
  if (!isKeyed(value)) return wrongType(path, value, problems, "must be a map");
  const entries = Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .map(([key, inner]) => [key, read(item, inner, path.key(key), problems)] as const);
  // Unlike an assignment, keeps the key `__proto__`.
  return Object.fromEntries(entries);
}

function readString(value: unknown, path: FieldPath, problems: FieldProblems, isSecret: boolean): unknown {
  const detail = stringProblem(value);
  if (detail === undefined) return value;
  if (isSecret) problems.invalidSecret(path, detail);
  else problems.invalid(path, value, detail);
  return undefined;
}

function stringProblem(value: unknown): string | undefined {
  if (typeof value === "string")
    return /\p{Surrogate}/u.test(value) ? "must not contain half of a surrogate pair" : undefined;
  if (typeof value === "boolean")
    return "must be a string: put it in quotes (without them, YAML 1.1 reads y, yes, on, n, no and off as booleans)";
  return typeof value === "number" || typeof value === "bigint"
    ? "must be a string: put it in quotes"
    : "must be a string";
}

function readInteger(value: unknown, bits: 32 | 64, path: FieldPath, problems: FieldProblems): unknown {
  const max = bits === 32 ? 2 ** 31 - 1 : Number.MAX_SAFE_INTEGER;
  const min = bits === 32 ? -(2 ** 31) : -max;
  // Infinity is a number that is too large.
  if (typeof value === "bigint" || (typeof value === "number" && (value < min || value > max)))
    return wrongType(path, value, problems, `must be a whole number between ${min} and ${max}`);
  // -0 is 0 in JSON.
  if (Number.isInteger(value)) return Number(value) + 0;
  const isQuoted = typeof value === "string" && /^[-+]?\d+$/.test(value);
  return wrongType(path, value, problems, `must be a whole number${isQuoted ? ": remove the quotes" : ""}`);
}

function readAmount(value: unknown, path: FieldPath, problems: FieldProblems): Quantity | undefined {
  if (typeof value !== "string" && typeof value !== "number" && typeof value !== "bigint")
    return wrongType(path, value, problems, "must be a quantity such as 100m or 64Mi");
  try {
    // A bigint counts whole units, as its text does.
    const amount = typeof value === "bigint" ? String(value) : value;
    parseQuantity(amount);
    return amount;
  } catch (error) {
    if (!isCriError(error)) throw error;
    return wrongType(
      path,
      value,
      problems,
      error.problems[0]?.message.replace(/, got .*$/s, "") ?? error.rawMessage,
    );
  }
}

function wrongType(path: FieldPath, value: unknown, problems: FieldProblems, detail: string): undefined {
  problems.invalid(path, value, detail);
  return undefined;
}

/** Reports whether a value is JSON, so that it can be hashed and copied. */
function isJson(value: unknown, levels: number): boolean {
  if (typeof value !== "object")
    return ["string", "number", "bigint", "boolean", "undefined"].includes(typeof value);
  if (value === null || isDate(value)) return true;
  return levels > 0 && Object.values(value).every((inner) => isJson(inner, levels - 1));
}

function unknownField(type: ObjectType, name: string): string {
  const meant = closestMatch(name, Object.keys(type.fields));
  const owners = ownersOf(name);
  const of = `${describe(name)} is not a field of ${type.name}`;
  // A field at a wrong level, such as hostNetwork in a container, is meant as it is written.
  if (owners.length > 0 && owners.length <= 3) return `${of}: it is a field of ${owners.join(" and ")}`;
  return meant === undefined ? of : `${of}: did you mean ${meant}?`;
}

let owners: ReadonlyMap<string, readonly string[]> | undefined;

/** Returns the names of the types of a Pod that have a field of this name. */
function ownersOf(field: string): readonly string[] {
  owners ??= indexFields(podType);
  return owners.get(field) ?? [];
}

function indexFields(root: ObjectType): ReadonlyMap<string, readonly string[]> {
  const index = new Map<string, Set<string>>();
  const visit = (type: AnyType): void => {
    if (type.kind === "list" || type.kind === "map") visit(type.item);
    if (type.kind !== "object") return;
    for (const [name, field] of Object.entries(type.fields)) {
      index.set(name, (index.get(name) ?? new Set()).add(type.name));
      visit(field);
    }
  };
  visit(root);
  return new Map([...index].map(([name, types]) => [name, [...types]]));
}
