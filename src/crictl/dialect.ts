import type { DescField, DescMessage } from "@bufbuild/protobuf";

/**
 * The form of a config in JSON or YAML. `crictl`: names as in the schema (`log_path`), enums and 64-bit numbers as numbers,
 * values of environment variables as strings. `protojson`: camelCase names (`logPath`), enums by name, 64-bit numbers as
 * strings, values of environment variables in base64.
 */
export type ConfigDialect = "crictl" | "protojson";

/** A dialect that was recognized by the keys of a file. */
export interface Recognized {
  readonly dialect: ConfigDialect;
  /** The key that decided; `undefined` when no key did, and crictl's dialect is assumed. */
  readonly key: string | undefined;
}

/** Returns the name of a field in a dialect. */
export function nameIn(dialect: ConfigDialect, field: DescField): string {
  return dialect === "crictl" ? field.name : field.jsonName;
}

/**
 * Recognizes the dialect of a file. A key with an underscore shows crictl's dialect. Otherwise, a key that occurs only in
 * protojson shows protojson. A file with neither is read as crictl's, the usual one. Keys of labels and other maps do not
 * count.
 */
export function recognize(schema: DescMessage, value: unknown): Recognized {
  let camelCase: string | undefined;
  for (const { key, field } of fieldKeys(schema, value)) {
    if (key.includes("_")) return { dialect: "crictl", key };
    if (field !== undefined && key !== field.name) camelCase ??= key;
  }
  return camelCase === undefined
    ? { dialect: "crictl", key: undefined }
    : { dialect: "protojson", key: camelCase };
}

interface FieldKey {
  readonly key: string;
  /** Undefined when no field has this name in either dialect. */
  readonly field: DescField | undefined;
}

/** Yields every key that stands for a field, at any depth. */
function* fieldKeys(schema: DescMessage, value: unknown): Generator<FieldKey> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return;
  for (const [key, inner] of Object.entries(value)) {
    const field = schema.fields.find(({ name, jsonName }) => key === name || key === jsonName);
    yield { key, field };
    if (field?.message === undefined) continue;
    if (field.fieldKind === "message") yield* fieldKeys(field.message, inner);
    else if (Array.isArray(inner)) for (const item of inner) yield* fieldKeys(field.message, item);
  }
}
