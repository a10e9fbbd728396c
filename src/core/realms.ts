// Type checks that hold for values of every realm. Test frameworks run code in a realm of its own (`node:vm`), where `instanceof`
// is false for errors of Node's own modules, and for errors, bytes and dates of the other realm.
import { types } from "node:util";

/** Reports whether a value is an error, of this realm or another. A `DOMException` is one. */
export function isError(value: unknown): value is Error {
  // A native error is one in every realm; the second check is for objects that only inherit from Error, and the third for DOMException.
  return types.isNativeError(value) || value instanceof Error || tagOf(value) === "DOMException";
}

/** Returns the message of an error; for any other value, the value as a string. */
export function messageOf(error: unknown): string {
  return isError(error) ? error.message : String(error);
}

/** Returns the `code` of an error of Node, such as `ENOENT`; undefined for other values. */
export function codeOf(error: unknown): string | undefined {
  return isError(error) && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** Returns the errors of an `AggregateError`; undefined for other values. */
export function errorsOf(value: unknown): readonly unknown[] | undefined {
  return isError(value) && "errors" in value && Array.isArray(value.errors) ? value.errors : undefined;
}

/** Reports whether a value is a `Uint8Array`; a `Buffer` is one. */
export const isBytes: (value: unknown) => value is Uint8Array = types.isUint8Array;

/** Reports whether a value is a `Date`. */
export const isDate: (value: unknown) => value is Date = types.isDate;

/** Reports whether a value is a promise, or behaves like one. */
export function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

/** Returns the name of a built-in object's class, such as `Blob`; `Object` for objects without one. */
export function tagOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice("[object ".length, -1);
}

/** Reports whether a value may hold options or fields. A promise, a map or a date has no keys, and would be taken for an empty object. */
export function isKeyed(value: unknown): value is Readonly<Record<string, unknown>> {
  if (!isRecord(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // Namespaces of modules have no prototype, and a tag of their own.
  return prototype === Object.prototype || prototype === null || tagOf(value) === "Object";
}

/** Reports whether a value is an object and not an array. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
