import { isRecord } from "../../core/index.js";
import type { AnyType, ValueType } from "./value-types.js";

/**
 * Returns a value without the fields that are null: in JSON, a null field means the same as an absent one. Copies only the objects that
 * change. Values that do not have the type are returned as they are.
 */
export function withoutNulls<T>(type: ValueType<T>, value: T): T {
  // Fields of T that are not null keep their types.
  return strip(type, value) as T;
}

function strip(type: AnyType, value: unknown): unknown {
  if (type.kind === "list" && Array.isArray(value)) {
    const items = value.map((item: unknown) => strip(type.item, item));
    return items.some((item, index) => item !== value[index]) ? items : value;
  }
  if (type.kind !== "object" || !isRecord(value)) return value;
  let isChanged = false;
  const entries: [string, unknown][] = [];
  for (const [name, inner] of Object.entries(value)) {
    const fieldType = Object.hasOwn(type.fields, name) ? type.fields[name] : undefined;
    const stripped = fieldType === undefined ? inner : strip(fieldType, inner);
    isChanged ||= stripped !== inner || inner === null;
    if (inner !== null) entries.push([name, stripped]);
  }
  return isChanged ? Object.fromEntries(entries) : value;
}
