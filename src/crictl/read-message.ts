import { type DescEnum, type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { KeyValueSchema } from "../../gen/runtime/v1/api_pb.js";
import { closestMatch, describe, isRecord } from "../core/index.js";
import type { ValuePath } from "../yaml-text/index.js";
import { type ConfigDialect, nameIn } from "./dialect.js";

/** How keys are treated that the schema does not define: `refuse` makes each an error. */
export type UnknownKeyPolicy = "refuse" | "ignore";

/** A problem with a part of a value. */
export interface ValueProblem {
  readonly path: ValuePath;
  readonly message: string;
  readonly value: unknown;
  /** Whether the problem is the key rather than its value. */
  readonly isKey?: boolean;
}

/** How a value is read, and the problems with it so far. */
export interface ReadContext {
  readonly dialect: ConfigDialect;
  readonly unknownKeys: UnknownKeyPolicy;
  readonly problems: ValueProblem[];
}

/** Reads a parsed value as a message of the schema. Continues after a problem, so that all problems are reported at once. */
export function readMessage(
  schema: DescMessage,
  value: unknown,
  path: ValuePath,
  context: ReadContext,
): ReflectMessage {
  const message = reflect(schema);
  const wrapped = wrappedField(schema, value);
  if (wrapped !== undefined && context.dialect === "protojson") {
    readField(message, wrapped, value, path, context);
    return message;
  }
  if (!isRecord(value)) {
    const instead = wrapped ? ` { ${wrapped.name}: … }` : ` of ${schema.name}`;
    context.problems.push({ path, value, message: `must be a map${instead}, got ${describe(value)}` });
    return message;
  }
  const seen = new Set<DescField>();
  for (const [key, inner] of Object.entries(value)) {
    const field = fieldNamed(schema, key, context.dialect);
    const here = [...path, key];
    // Editors find the JSON Schema of a file by this key, which crictl ignores.
    if (key === "$schema" && path.length === 0) continue;
    if (field === undefined) refuseKey(schema, key, inner, here, context);
    else if (seen.has(field))
      context.problems.push({ path: here, value: inner, message: "is specified twice", isKey: true });
    // In Go and in protojson, null means that the field is absent.
    else if (inner !== null) readField(message, field, inner, here, context);
    if (field) seen.add(field);
  }
  return message;
}

/** For Int64Value and UInt64Value, returns their `value` field if the input is not a map, such as a bare number. */
function wrappedField(schema: DescMessage, value: unknown): DescField | undefined {
  const [field] = schema.fields;
  return schema.name.endsWith("Int64Value") && !isRecord(value) ? field : undefined;
}

/** Finds a field by its name. protojson accepts the names of the schema as well, crictl's dialect only those. */
function fieldNamed(schema: DescMessage, key: string, dialect: ConfigDialect): DescField | undefined {
  return schema.fields.find((field) => key === nameIn(dialect, field) || key === field.name);
}

function refuseKey(schema: DescMessage, key: string, value: unknown, path: ValuePath, context: ReadContext) {
  if (context.unknownKeys === "ignore") return;
  const names = schema.fields.map((field) => nameIn(context.dialect, field));
  const other = schema.fields.find(({ jsonName }) => jsonName === key);
  const meant = other ? nameIn(context.dialect, other) : closestMatch(key, names);
  const message = `${schema.name} has no such key${meant ? `: did you mean ${meant}?` : ""}`;
  context.problems.push({ path, value, message, isKey: true });
}

function readField(
  message: ReflectMessage,
  field: DescField,
  value: unknown,
  path: ValuePath,
  context: ReadContext,
): void {
  if (field.fieldKind === "message") message.set(field, readMessage(field.message, value, path, context));
  else if (field.fieldKind === "map") readMap(message, field, value, path, context);
  else if (field.fieldKind === "list") readList(message, field, value, path, context);
  else {
    const converted = convert(field, value, context);
    if ("wrong" in converted) context.problems.push({ path, value, message: converted.wrong });
    else message.set(field, converted.value);
  }
}

function readList(
  message: ReflectMessage,
  field: DescField & { fieldKind: "list" },
  value: unknown,
  path: ValuePath,
  context: ReadContext,
): void {
  if (!Array.isArray(value)) {
    context.problems.push({ path, value, message: `must be a list, got ${describe(value)}` });
    return;
  }
  const list = message.get(field);
  for (const [index, item] of value.entries()) {
    const here = [...path, index];
    if (field.listKind === "message") {
      list.add(readMessage(field.message, item, here, context));
      continue;
    }
    const converted = convert(field, item, context);
    if ("wrong" in converted) context.problems.push({ path: here, value: item, message: converted.wrong });
    else list.add(converted.value);
  }
}

function readMap(
  message: ReflectMessage,
  field: DescField & { fieldKind: "map" },
  value: unknown,
  path: ValuePath,
  context: ReadContext,
): void {
  if (!isRecord(value)) {
    context.problems.push({ path, value, message: `must be a map, got ${describe(value)}` });
    return;
  }
  const map = message.get(field);
  for (const [key, inner] of Object.entries(value)) {
    const here = [...path, key];
    const converted = convert(field, inner, context);
    if ("wrong" in converted) context.problems.push({ path: here, value: inner, message: converted.wrong });
    // Assigning this key to a JavaScript object would set its prototype.
    else if (key === "__proto__")
      context.problems.push({ path: here, value: inner, message: "cannot be used as a key", isKey: true });
    else map.set(key, converted.value);
  }
}

/** Converts a value that is not a message: of a field, a list or a map. */
function convert(field: DescField, value: unknown, context: ReadContext): Converted {
  if (field.enum) return toEnum(field.enum, value, context);
  const isPlainText = context.dialect === "crictl" && field.parent.typeName === KeyValueSchema.typeName;
  // In Go's JSON the value of an environment variable is a plain string, although the field is `bytes`.
  if (isPlainText && field.name === "value") return toTextBytes(value);
  return toScalar(scalarOf(field), value, context.dialect);
}

function toEnum(type: DescEnum, value: unknown, { dialect, unknownKeys }: ReadContext): Converted {
  const names = type.values.map(({ number, name }) => `${number} ${name}`).join(", ");
  const expected = type.values.length > 8 ? `must be a value of ${type.name}` : `must be one of: ${names}`;
  if (typeof value === "string") {
    const named = type.values.find(({ name }) => name === value);
    if (named && dialect === "protojson") return { value: named.number };
    const nearby =
      named?.name ??
      closestMatch(
        value,
        type.values.map(({ name }) => name),
      );
    const meant = type.values.find(({ name }) => name === nearby);
    if (dialect === "crictl") {
      const write = meant ? `: write ${meant.number} for ${meant.name}` : "";
      return { wrong: `must be a number, as in crictl's files${write}, got ${describe(value)}` };
    }
    return { wrong: `${expected}${meant ? ` (${meant.name}?)` : ""}, got ${describe(value)}` };
  }
  const number = typeof value === "bigint" ? Number(value) : value;
  if (typeof number !== "number" || !Number.isInteger(number) || Math.abs(number) >= 2 ** 31)
    return { wrong: `${expected}, got ${describe(value)}` };
  // `unknownKeys: "ignore"` is for files of a newer CRI, which may have new enum values, too.
  if (unknownKeys === "refuse" && !type.values.some((known) => known.number === number))
    return { wrong: `${expected}, got ${number}` };
  return { value: number };
}

function scalarOf(field: DescField): ScalarType {
  if (field.scalar !== undefined) return field.scalar;
  throw new Error(`${field} is neither a message, an enum nor a scalar`);
}

/** A value as a message holds it, or the text of the problem with it. */
export type Converted = { readonly value: unknown } | { readonly wrong: string };

interface Range {
  readonly min: bigint;
  readonly max: bigint;
  readonly bits: 32 | 64;
}

const signed32: Range = { min: -(2n ** 31n), max: 2n ** 31n - 1n, bits: 32 };
const signed64: Range = { min: -(2n ** 63n), max: 2n ** 63n - 1n, bits: 64 };
const unsigned32: Range = { min: 0n, max: 2n ** 32n - 1n, bits: 32 };
const unsigned64: Range = { min: 0n, max: 2n ** 64n - 1n, bits: 64 };

const ranges: ReadonlyMap<ScalarType, Range> = new Map([
  [ScalarType.INT32, signed32],
  [ScalarType.SINT32, signed32],
  [ScalarType.SFIXED32, signed32],
  [ScalarType.INT64, signed64],
  [ScalarType.SINT64, signed64],
  [ScalarType.SFIXED64, signed64],
  [ScalarType.UINT32, unsigned32],
  [ScalarType.FIXED32, unsigned32],
  [ScalarType.UINT64, unsigned64],
  [ScalarType.FIXED64, unsigned64],
]);

/** Returns the range of a whole number of this type; `undefined` for other types. */
export function rangeOf(type: ScalarType): Range | undefined {
  return ranges.get(type);
}

/** Converts a value of a file to a scalar of the schema. */
export function toScalar(type: ScalarType, value: unknown, dialect: ConfigDialect): Converted {
  const range = ranges.get(type);
  if (range) return toWhole(range, value, dialect);
  if (type === ScalarType.STRING) return toText(value);
  if (type === ScalarType.BOOL)
    return typeof value === "boolean" ? { value } : wrong("must be true or false", value);
  if (type === ScalarType.BYTES) return toBytes(value);
  return toDouble(value, dialect);
}

/** Converts the value of an environment variable in crictl's dialect: a plain string, although the field is `bytes`. */
export function toTextBytes(value: unknown): Converted {
  const text = toText(value);
  return "wrong" in text ? text : { value: new TextEncoder().encode(String(text.value)) };
}

/** Converts a whole number within a range. */
function toWhole({ min, max, bits }: Range, value: unknown, dialect: ConfigDialect): Converted {
  let whole: bigint;
  if (typeof value === "bigint") whole = value;
  else if (typeof value === "number" && Number.isSafeInteger(value)) whole = BigInt(value);
  else if (typeof value === "number" && Number.isInteger(value))
    return wrong("may have lost digits: write all of them, without a point or an exponent", value);
  else if (typeof value === "string" && /^-?\d+$/.test(value) && value.length < 25) {
    if (dialect === "crictl") return wrong("must be a number: remove the quotes", value);
    whole = BigInt(value);
  } else return wrong("must be a whole number", value);
  if (whole < min || whole > max) return wrong(`must be between ${min} and ${max}`, value);
  return { value: bits === 32 ? Number(whole) : whole };
}

function toText(value: unknown): Converted {
  if (typeof value !== "string") {
    const quotes = typeof value === "object" ? "" : ": put it in quotes";
    return wrong(`must be a string${quotes}`, value);
  }
  // Half of a surrogate pair has no encoding in UTF-8, and would be replaced.
  return /\p{Surrogate}/u.test(value) ? wrong("must not contain half of a surrogate pair", value) : { value };
}

function toBytes(value: unknown): Converted {
  if (typeof value !== "string") return wrong("must be a string in base64", value);
  const standard = value.replaceAll("-", "+").replaceAll("_", "/").replace(/=+$/, "");
  const bytes = Buffer.from(standard, "base64");
  // Node skips invalid characters: they are missing when the bytes are encoded again.
  if (bytes.toString("base64").replace(/=+$/, "") !== standard) return wrong("is not valid base64", value);
  return { value: new Uint8Array(bytes) };
}

const notFinite: ReadonlyMap<unknown, number> = new Map([
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY],
]);

function toDouble(value: unknown, dialect: ConfigDialect): Converted {
  if (typeof value === "number" || typeof value === "bigint") return { value: Number(value) };
  const special = dialect === "protojson" ? notFinite.get(value) : undefined;
  return special === undefined ? wrong("must be a number", value) : { value: special };
}

function wrong(message: string, value: unknown): Converted {
  return { wrong: `${message}, got ${describe(value)}` };
}
