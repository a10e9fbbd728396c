import type { DescEnum, DescField, DescMessage, ScalarType } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { KeyValueSchema } from "../../gen/runtime/v1/api_pb.js";
import { describe, nearest } from "../core/index.js";
import { type ConfigDialect, nameIn } from "./dialect.js";
import { type Converted, toScalar, toTextBytes } from "./scalars.js";

/** What becomes of keys that the schema does not have: each is an error, or nothing. */
export type UnknownKeys = "refuse" | "ignore";

/** Keys and indices from the outermost value inwards. */
export type ValuePath = readonly (string | number)[];

/** One thing wrong in a value. */
export interface Found {
  readonly path: ValuePath;
  readonly message: string;
  readonly value: unknown;
  /** Whether the key is wrong, and not what it holds. */
  readonly isKey?: boolean;
}

/** How a value is read, and what was found wrong in it so far. */
export interface Reading {
  readonly dialect: ConfigDialect;
  readonly unknownKeys: UnknownKeys;
  readonly found: Found[];
}

/** A parsed value as a message of the schema. Goes on after a problem, so that all of them are found at once. */
export function readMessage(
  schema: DescMessage,
  value: unknown,
  path: ValuePath,
  reading: Reading,
): ReflectMessage {
  const message = reflect(schema);
  const wrapped = wrappedField(schema, value);
  if (wrapped !== undefined && reading.dialect === "protojson") {
    readField(message, wrapped, value, path, reading);
    return message;
  }
  if (!isMap(value)) {
    const instead = wrapped ? ` { ${wrapped.name}: … }` : ` of ${schema.name}`;
    reading.found.push({ path, value, message: `must be a map${instead}, got ${describe(value)}` });
    return message;
  }
  const seen = new Set<DescField>();
  for (const [key, inner] of Object.entries(value)) {
    const field = fieldNamed(schema, key, reading.dialect);
    const here = [...path, key];
    // Editors look for a file's JSON Schema here; crictl takes no notice of it.
    if (key === "$schema" && path.length === 0) continue;
    if (field === undefined) refuseKey(schema, key, inner, here, reading);
    else if (seen.has(field))
      reading.found.push({ path: here, value: inner, message: "is given twice", isKey: true });
    // Both Go and protojson take null for "not given".
    else if (inner !== null) readField(message, field, inner, here, reading);
    if (field) seen.add(field);
  }
  return message;
}

/** The one field of Int64Value and UInt64Value, where their number stands without it. */
function wrappedField(schema: DescMessage, value: unknown): DescField | undefined {
  const [field] = schema.fields;
  return schema.name.endsWith("Int64Value") && !isMap(value) ? field : undefined;
}

/** protojson also takes the names of the schema; crictl takes no others. */
function fieldNamed(schema: DescMessage, key: string, dialect: ConfigDialect): DescField | undefined {
  return schema.fields.find((field) => key === nameIn(dialect, field) || key === field.name);
}

function refuseKey(schema: DescMessage, key: string, value: unknown, path: ValuePath, reading: Reading) {
  if (reading.unknownKeys === "ignore") return;
  const names = schema.fields.map((field) => nameIn(reading.dialect, field));
  const other = schema.fields.find(({ jsonName }) => jsonName === key);
  const meant = other ? nameIn(reading.dialect, other) : nearest(key, names);
  const message = `${schema.name} has no such key${meant ? `: did you mean ${meant}?` : ""}`;
  reading.found.push({ path, value, message, isKey: true });
}

function readField(
  message: ReflectMessage,
  field: DescField,
  value: unknown,
  path: ValuePath,
  reading: Reading,
): void {
  if (field.fieldKind === "message") message.set(field, readMessage(field.message, value, path, reading));
  else if (field.fieldKind === "map") readMap(message, field, value, path, reading);
  else if (field.fieldKind === "list") readList(message, field, value, path, reading);
  else {
    const converted = convert(field, value, reading);
    if ("wrong" in converted) reading.found.push({ path, value, message: converted.wrong });
    else message.set(field, converted.value);
  }
}

function readList(
  message: ReflectMessage,
  field: DescField & { fieldKind: "list" },
  value: unknown,
  path: ValuePath,
  reading: Reading,
): void {
  if (!Array.isArray(value)) {
    reading.found.push({ path, value, message: `must be a list, got ${describe(value)}` });
    return;
  }
  const list = message.get(field);
  for (const [index, item] of value.entries()) {
    const here = [...path, index];
    if (field.listKind === "message") {
      list.add(readMessage(field.message, item, here, reading));
      continue;
    }
    const converted = convert(field, item, reading);
    if ("wrong" in converted) reading.found.push({ path: here, value: item, message: converted.wrong });
    else list.add(converted.value);
  }
}

function readMap(
  message: ReflectMessage,
  field: DescField & { fieldKind: "map" },
  value: unknown,
  path: ValuePath,
  reading: Reading,
): void {
  if (!isMap(value)) {
    reading.found.push({ path, value, message: `must be a map, got ${describe(value)}` });
    return;
  }
  const map = message.get(field);
  for (const [key, inner] of Object.entries(value)) {
    const here = [...path, key];
    const converted = convert(field, inner, reading);
    if ("wrong" in converted) reading.found.push({ path: here, value: inner, message: converted.wrong });
    // JavaScript would take it for the object's prototype, and it would be gone.
    else if (key === "__proto__")
      reading.found.push({ path: here, value: inner, message: "is no key that can be held", isKey: true });
    else map.set(key, converted.value);
  }
}

/** One value that is no message: of a field, of a list or of a map. */
function convert(field: DescField, value: unknown, reading: Reading): Converted {
  if (field.enum) return toEnum(field.enum, value, reading);
  const isPlainText = reading.dialect === "crictl" && field.parent.typeName === KeyValueSchema.typeName;
  // The value of a variable is plain text in Go's JSON, and the key is text anyway.
  if (isPlainText && field.name === "value") return toTextBytes(value);
  return toScalar(scalarOf(field), value, reading.dialect);
}

function toEnum(type: DescEnum, value: unknown, { dialect, unknownKeys }: Reading): Converted {
  const names = type.values.map(({ number, name }) => `${number} ${name}`).join(", ");
  const expected = type.values.length > 8 ? `must be a value of ${type.name}` : `must be one of: ${names}`;
  if (typeof value === "string") {
    const named = type.values.find(({ name }) => name === value);
    if (named && dialect === "protojson") return { value: named.number };
    const nearby =
      named?.name ??
      nearest(
        value,
        type.values.map(({ name }) => name),
      );
    const meant = type.values.find(({ name }) => name === nearby);
    if (dialect === "crictl") {
      const write = meant ? `: write ${meant.number} for ${meant.name}` : "";
      return { wrong: `must be a number, as crictl writes ${type.name}${write}, got ${describe(value)}` };
    }
    return { wrong: `${expected}${meant ? ` (${meant.name}?)` : ""}, got ${describe(value)}` };
  }
  const number = typeof value === "bigint" ? Number(value) : value;
  if (typeof number !== "number" || !Number.isInteger(number) || Math.abs(number) >= 2 ** 31)
    return { wrong: `${expected}, got ${describe(value)}` };
  // Whoever tolerates keys of a newer CRI gets its values, too.
  if (unknownKeys === "refuse" && !type.values.some((known) => known.number === number))
    return { wrong: `${expected}, got ${number}` };
  return { value: number };
}

function scalarOf(field: DescField): ScalarType {
  if (field.scalar !== undefined) return field.scalar;
  throw new Error(`${field} holds neither a message, an enum nor a scalar`);
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
