import { type DescField, type DescMessage, isMessage, ScalarType } from "@bufbuild/protobuf";
import { closestMatch, describe, isBytes, isKeyed, Violations } from "../core/index.js";

/**
 * Throws `invalid_request` for a field that the message does not have and for a value of another type: `create()` would drop the one and
 * encode the other, or fail. What `create()` made is not looked at.
 */
export function checkFields(schema: DescMessage, input: unknown): void {
  if (isMessage(input)) return;
  const violations = new Violations();
  checkMessage(schema, input, "", violations);
  violations.throwIfAny("invalid_request", "the request is invalid and was not sent");
}

function checkMessage(schema: DescMessage, value: unknown, path: string, violations: Violations): void {
  if (isMessage(value)) return;
  if (!isObject(value)) {
    addType(path || "the request", `must be an object of ${schema.name}`, value, violations);
    return;
  }
  for (const key in value) {
    const member = value[key];
    if (member === undefined || member === null) continue;
    const field = Object.hasOwn(schema.field, key) ? schema.field[key] : undefined;
    const place = path === "" ? key : `${path}.${key}`;
    if (field) checkField(field, member, place, violations);
    // Spread messages have these two.
    else if (key !== "$typeName" && key !== "$unknown") violations.add(place, unknownField(schema, key));
  }
}

/** Does not show the value: a misspelt password is a secret, too. */
function unknownField(schema: DescMessage, key: string): string {
  const sameName = schema.fields.find(({ name, jsonName }) => name === key || jsonName === key);
  const names = schema.fields.map(({ localName }) => localName);
  const meant = sameName?.localName ?? closestMatch(key, names);
  const hint =
    meant === undefined ? `; the fields are ${names.join(", ") || "none"}` : ` (did you mean ${meant}?)`;
  return `is not a field of ${schema.name}${hint}`;
}

function checkField(field: DescField, value: unknown, path: string, violations: Violations): void {
  switch (field.fieldKind) {
    case "list":
      if (Array.isArray(value))
        for (const [index, element] of value.entries())
          checkSingle(kindOf(field, field.listKind), element, `${path}[${index}]`, violations);
      else addType(path, "must be an array", value, violations);
      return;
    case "map":
      if (isObject(value))
        for (const key of Object.keys(value))
          checkSingle(
            kindOf(field, field.mapKind),
            value[key],
            `${path}[${JSON.stringify(key)}]`,
            violations,
          );
      else addType(path, "must be an object of keys and values", value, violations);
      return;
    default:
      checkSingle(kindOf(field, field.fieldKind), value, path, violations);
  }
}

/** The type of one value: of a field, of an element of a list, or of a value of a map. */
type SingleKind = DescMessage | ScalarType | "enum";

function kindOf(field: DescField, kind: "message" | "scalar" | "enum"): SingleKind {
  if (kind === "message" && field.message) return field.message;
  return kind === "scalar" && field.scalar !== undefined ? field.scalar : "enum";
}

function checkSingle(kind: SingleKind, value: unknown, path: string, violations: Violations): void {
  if (typeof kind === "object") {
    checkMessage(kind, value, path, violations);
    return;
  }
  const message = kind === "enum" ? enumProblem(value) : scalarProblem(kind, value);
  if (message !== undefined) addType(path, message, value, violations);
}

function enumProblem(value: unknown): string | undefined {
  return Number.isInteger(value) ? undefined : "must be a value of the enum, which is a number";
}

function scalarProblem(scalar: ScalarType, value: unknown): string | undefined {
  switch (scalar) {
    case ScalarType.STRING:
      return typeof value === "string" ? undefined : "must be a string";
    case ScalarType.BOOL:
      return typeof value === "boolean" ? undefined : "must be true or false";
    case ScalarType.BYTES:
      return isBytes(value) ? undefined : "must be a Uint8Array";
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return typeof value === "bigint" || Number.isSafeInteger(value)
        ? undefined
        : "must be a bigint, such as 5n";
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return typeof value === "number" ? undefined : "must be a number";
    default:
      return Number.isInteger(value) ? undefined : "must be a whole number";
  }
}

/** Shows only values that cannot be a secret. */
function addType(path: string, message: string, value: unknown, violations: Violations): void {
  const shown = typeof value === "string" ? "a string" : describe(value);
  violations.add(path, `${message}, got ${shown}`);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return isKeyed(value);
}
