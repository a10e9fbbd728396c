/** The types of values in objects of Kubernetes, as data: what `readValue` checks values against. */
import type { Quantity } from "../api/index.js";

/** An object with named fields. */
export interface ObjectType {
  readonly kind: "object";
  /** The name of the type in the API, such as `Container`. */
  readonly name: string;
  readonly fields: Readonly<Record<string, FieldType>>;
  /** Whether fields that are not listed are accepted and left out, as for the status of a Pod. */
  readonly isOpen: boolean;
}

/** A type of values, without its TypeScript type. */
export type AnyType =
  | ObjectType
  | { readonly kind: "list"; readonly item: AnyType }
  | { readonly kind: "map"; readonly item: AnyType }
  | { readonly kind: "integer"; readonly bits: 32 | 64 }
  | { readonly kind: "string"; readonly isSecret: boolean }
  /** `opaque`: an object of which nothing is known but that it is JSON. */
  | { readonly kind: "boolean" | "quantity" | "port" | "time" | "opaque" };

/** A type of values with its TypeScript type, which exists for the compiler only. */
export type ValueType<T> = AnyType & { readonly typed?: (value: T) => T };

/** A field: its type, and whether it must be set. */
export type FieldType = AnyType & { readonly isRequired?: true };
type RequiredType<T> = ValueType<T> & { readonly isRequired: true };

/** The type of every field of an object: a field added to the TypeScript type does not compile until it is listed. */
export type FieldTypes<T> = {
  readonly [K in keyof T]-?: undefined extends T[K]
    ? ValueType<Exclude<T[K], undefined>>
    : RequiredType<T[K]>;
};

export const string: ValueType<string> = { kind: "string", isSecret: false };
/** A string that no error shows. */
export const secretString: ValueType<string> = { kind: "string", isSecret: true };
export const boolean: ValueType<boolean> = { kind: "boolean" };
export const int32: ValueType<number> = { kind: "integer", bits: 32 };
/** A 64-bit number, of which JavaScript represents those up to 2^53 - 1. */
export const int64: ValueType<number> = { kind: "integer", bits: 64 };
export const quantity: ValueType<Quantity> = { kind: "quantity" };
/** The number of a port, or its name. */
export const port: ValueType<number | string> = { kind: "port" };
export const time: ValueType<Date | string> = { kind: "time" };
export const opaque: ValueType<object> = { kind: "opaque" };

export function required<T>(type: ValueType<T>): RequiredType<T> {
  return { ...type, isRequired: true };
}

export function listOf<T>(item: ValueType<T>): ValueType<readonly T[]> {
  return { kind: "list", item };
}

export function mapOf<T>(item: ValueType<T>): ValueType<{ readonly [name: string]: T }> {
  return { kind: "map", item };
}

export function objectOf<T extends object>(name: string, fields: FieldTypes<T>): ValueType<T> & ObjectType {
  return { kind: "object", name, fields, isOpen: false };
}

/** An object of which only the listed fields are read. */
export function openObjectOf<T extends object>(name: string, fields: FieldTypes<T>): ValueType<T> {
  return { kind: "object", name, fields, isOpen: true };
}
