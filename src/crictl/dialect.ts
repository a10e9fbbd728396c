import type { DescField, DescMessage } from "@bufbuild/protobuf";

/**
 * How a config is written down. `crictl`: names as in the schema (`log_path`), enums and 64-bit numbers as numbers, values
 * of variables as text. `protojson`: camelCase names (`logPath`), enums by name, 64-bit numbers as text, values of variables
 * in base64.
 */
export type ConfigDialect = "crictl" | "protojson";

/** A dialect, and the key of the file that told it. */
export interface Recognized {
  readonly dialect: ConfigDialect;
  /** Undefined where no key told, and crictl's is assumed. */
  readonly because: string | undefined;
}

/** What a field is called in a dialect. */
export function nameIn(dialect: ConfigDialect, field: DescField): string {
  return dialect === "crictl" ? field.name : field.jsonName;
}

/**
 * One key with an underscore makes a file crictl's. Without any, one name that only protojson has makes it protojson. A
 * file that has neither is read as crictl's, since that is what people have. Keys of labels and other maps do not count.
 */
export function recognize(schema: DescMessage, value: unknown): Recognized {
  let camelCase: string | undefined;
  for (const { key, field } of fieldKeys(schema, value)) {
    if (key.includes("_")) return { dialect: "crictl", because: key };
    if (field !== undefined && key !== field.name) camelCase ??= key;
  }
  return camelCase === undefined
    ? { dialect: "crictl", because: undefined }
    : { dialect: "protojson", because: camelCase };
}

interface FieldKey {
  readonly key: string;
  /** Undefined where no field is called so in either dialect. */
  readonly field: DescField | undefined;
}

/** Every key in the place of a field's name, at any depth. */
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
