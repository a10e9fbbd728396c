import { isBytes } from "./realms.js";

/**
 * Lets `JSON.stringify` accept a result, which may have bigints, bytes and CRI messages. The method is not enumerable, so that it is no
 * part of comparisons, copies and `util.inspect`. Returns the result itself.
 */
export function withJson<T extends object>(result: T): T {
  return Object.defineProperty(result, "toJSON", { value: toJson });
}

function toJson(this: object): Record<string, unknown> {
  return jsonOf(this);
}

/**
 * Returns the enumerable fields of an object with values that JSON has: a bigint is a number if that is exact, otherwise a string; bytes
 * are base64. Of a CRI message the fields, without the name of its type and without unknown fields.
 */
export function jsonOf(object: object): Record<string, unknown> {
  const isMessage = "$typeName" in object;
  const entries = Object.entries(object).filter(([key]) => !isMessage || !key.startsWith("$"));
  // A map of labels may have the key `__proto__`, which an assignment would lose.
  return Object.fromEntries(entries.map(([key, value]) => [key, jsonValue(value)]));
}

function jsonValue(value: unknown): unknown {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (typeof value !== "object" || value === null) return value;
  if (isBytes(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64");
  if (Array.isArray(value)) return value.map(jsonValue);
  // JSON.stringify calls the method of this value, such as that of a Date or of another result.
  if ("toJSON" in value && typeof value.toJSON === "function") return value;
  return jsonOf(value);
}
