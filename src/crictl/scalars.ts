import { ScalarType } from "@bufbuild/protobuf";
import { describe } from "../core/index.js";
import type { ConfigDialect } from "./dialect.js";

/** A value as a message holds it, or what is wrong with it. */
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

/** What a whole number of this type may be; undefined for types that are no whole numbers. */
export function rangeOf(type: ScalarType): Range | undefined {
  return ranges.get(type);
}

/** A value of a file as a scalar of the schema. */
export function toScalar(type: ScalarType, value: unknown, dialect: ConfigDialect): Converted {
  const range = ranges.get(type);
  if (range) return toWhole(range, value, dialect);
  if (type === ScalarType.STRING) return toText(value);
  if (type === ScalarType.BOOL)
    return typeof value === "boolean" ? { value } : wrong("must be true or false", value);
  if (type === ScalarType.BYTES) return toBytes(value);
  return toDouble(value, dialect);
}

/** The value of an environment variable in crictl's dialect: plain text, though the field holds bytes. */
export function toTextBytes(value: unknown): Converted {
  const text = toText(value);
  return "wrong" in text ? text : { value: new TextEncoder().encode(String(text.value)) };
}

/** A whole number within a range. */
function toWhole({ min, max, bits }: Range, value: unknown, dialect: ConfigDialect): Converted {
  let whole: bigint;
  if (typeof value === "bigint") whole = value;
  else if (typeof value === "number" && Number.isSafeInteger(value)) whole = BigInt(value);
  else if (typeof value === "number" && Number.isInteger(value))
    return wrong("may have lost digits: write all of them, without a point or an exponent", value);
  else if (typeof value === "string" && /^-?\d+$/.test(value) && value.length < 25) {
    if (dialect === "crictl") return wrong("must be a number: take the quotes off", value);
    whole = BigInt(value);
  } else return wrong("must be a whole number", value);
  if (whole < min || whole > max) return wrong(`must be between ${min} and ${max}`, value);
  return { value: bits === 32 ? Number(whole) : whole };
}

function toText(value: unknown): Converted {
  if (typeof value !== "string") {
    const quotes = typeof value === "object" ? "" : ": put it in quotes";
    return wrong(`must be text${quotes}`, value);
  }
  // Half of a surrogate pair has no UTF-8, and would arrive as something else.
  return /\p{Surrogate}/u.test(value) ? wrong("has half of a surrogate pair", value) : { value };
}

function toBytes(value: unknown): Converted {
  if (typeof value !== "string") return wrong("must be text in base64", value);
  const standard = value.replaceAll("-", "+").replaceAll("_", "/").replace(/=+$/, "");
  const bytes = Buffer.from(standard, "base64");
  // Node skips what is no base64; written again, it is missing.
  if (bytes.toString("base64").replace(/=+$/, "") !== standard) return wrong("is no base64", value);
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
