import { parse } from "yaml";

/** JSON whose whole numbers may be bigint. */
export type ExactJson =
  | string
  | number
  | bigint
  | boolean
  | null
  | readonly ExactJson[]
  | { readonly [key: string]: ExactJson };

/** JSON text as a value; whole numbers that a JavaScript number cannot hold are bigint. Throws where it is no JSON. */
export function exactJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  // No number of fewer digits loses any. The parser that keeps all digits is slow on what a runtime tells of itself.
  return /\d{16}/.test(text) ? parse(text, { intAsBigInt: true, schema: "json" }) : value;
}

/** Indented JSON text, with every digit of a bigint. */
export function stringify(value: ExactJson, indent = ""): string {
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const inner = `${indent}  `;
  const isList = Array.isArray(value);
  const parts = isList
    ? value.map((item: ExactJson) => stringify(item, inner))
    : Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${stringify(item, inner)}`);
  const [open, close] = isList ? ["[", "]"] : ["{", "}"];
  if (parts.length === 0) return `${open}${close}`;
  return `${open}\n${parts.map((part) => inner + part).join(",\n")}\n${indent}${close}`;
}
