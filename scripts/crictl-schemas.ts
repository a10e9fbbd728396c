// Writes schemas/: JSON Schemas of crictl's config files, in both dialects. The fields come from the descriptors,
// and their descriptions from the comments of the .proto. With --check it only reports whether the files are up to date.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type DescEnum, type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { ContainerConfigSchema, KeyValueSchema, PodSandboxConfigSchema } from "../gen/runtime/v1/api_pb.js";
import { type ConfigDialect, nameIn } from "../src/crictl/dialect.js";
import { rangeOf } from "../src/crictl/read-message.js";

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
type Schema = { [key: string]: Json };

const folder = fileURLToPath(new URL("../schemas/", import.meta.url));
const comments = readComments(
  readFileSync(new URL("../proto/runtime/v1/api.proto", import.meta.url), "utf8"),
);
const files: readonly (readonly [string, DescMessage, string])[] = [
  ["sandbox-config", PodSandboxConfigSchema, "A pod, for crictl runp and loadSandboxConfig()"],
  ["container-config", ContainerConfigSchema, "A container, for crictl create and loadContainerConfig()"],
];

/** The comments of messages, fields and values, by `Message`, `Message.field`, `Enum.VALUE`. */
function readComments(proto: string): Map<string, string> {
  const found = new Map<string, string>();
  const scopes: string[] = [];
  let lines: string[] = [];
  for (const line of proto.split("\n").map((text) => text.trim())) {
    if (line.startsWith("//")) {
      lines.push(line.slice(2).trim());
      continue;
    }
    const opened = /^(?:message|enum|service) (\w+) \{(\}?)/.exec(line);
    const named = opened?.[1] ?? /(\w+) = \d+/.exec(line)?.[1];
    const scope = scopes.at(-1);
    if (named && lines.length > 0) {
      const key = opened || scope === undefined ? named : `${scope}.${named}`;
      // Joins the lines of each paragraph.
      found.set(key, lines.join("\n").replace(/(\S)\n(?=[^\s-])/g, "$1 "));
    }
    if (opened && !opened[2]) scopes.push(opened[1] ?? "");
    else if (line.startsWith("}")) scopes.pop();
    lines = [];
  }
  return found;
}

function fileSchema(message: DescMessage, title: string, dialect: ConfigDialect): Schema {
  const definitions: Schema = {};
  const root = messageSchema(message, dialect, definitions);
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title,
    ...root,
    properties: { $schema: { type: "string" }, ...(root.properties as Schema) },
    $defs: definitions,
  };
}

function messageSchema(message: DescMessage, dialect: ConfigDialect, definitions: Schema): Schema {
  const properties = message.fields.map((field): [string, Schema] => {
    const description = comments.get(`${message.name}.${field.name}`);
    const value = orNull(fieldSchema(field, dialect, definitions));
    return [nameIn(dialect, field), { ...(description && { description }), ...value }];
  });
  const description = comments.get(message.name);
  return {
    ...(description && { description }),
    type: "object",
    properties: Object.fromEntries(properties),
    additionalProperties: false,
  };
}

/** Allows null, which has the same meaning as an omitted field. */
function orNull(schema: Schema): Schema {
  return typeof schema.type === "string"
    ? { ...schema, type: [schema.type, "null"] }
    : { anyOf: [schema, { type: "null" }] };
}

function fieldSchema(field: DescField, dialect: ConfigDialect, definitions: Schema): Schema {
  if (field.fieldKind === "list") return { type: "array", items: valueSchema(field, dialect, definitions) };
  if (field.fieldKind === "map")
    return { type: "object", additionalProperties: valueSchema(field, dialect, definitions) };
  return valueSchema(field, dialect, definitions);
}

function valueSchema(field: DescField, dialect: ConfigDialect, definitions: Schema): Schema {
  if (field.message) return reference(field.message, dialect, definitions);
  if (field.enum) return enumSchema(field.enum, dialect);
  const plainText = dialect === "crictl" && field.parent.typeName === KeyValueSchema.typeName;
  return scalarSchema(field.scalar ?? ScalarType.STRING, dialect, plainText);
}

function reference(message: DescMessage, dialect: ConfigDialect, definitions: Schema): Schema {
  if (!(message.name in definitions)) {
    definitions[message.name] = {}; // reserves its position in the output
    const own = messageSchema(message, dialect, definitions);
    const wrapped = message.name.endsWith("Int64Value") ? message.fields[0] : undefined;
    definitions[message.name] =
      wrapped && dialect === "protojson" ? { anyOf: [own, valueSchema(wrapped, dialect, definitions)] } : own;
  }
  return { $ref: `#/$defs/${message.name}` };
}

function enumSchema(type: DescEnum, dialect: ConfigDialect): Schema {
  const described = type.values.map((value) => {
    const text = comments.get(`${type.name}.${value.name}`)?.split("\n")[0];
    return `${value.number} ${value.name}${text ? `: ${text}` : ""}`;
  });
  const numbers = type.values.map(({ number }) => number);
  const names = type.values.map(({ name }) => name);
  return dialect === "crictl"
    ? { enum: [...numbers], $comment: described.join("\n") }
    : { enum: [...names, ...numbers], $comment: described.join("\n") };
}

function scalarSchema(type: ScalarType, dialect: ConfigDialect, plainText: boolean): Schema {
  const range = rangeOf(type);
  if (range) {
    const unsigned = range.min === 0n;
    // JSON parsers disagree about numbers as large as the limits of 64 bits.
    const bounds =
      range.bits === 32
        ? { minimum: Number(range.min), maximum: Number(range.max) }
        : unsigned
          ? { minimum: 0 }
          : {};
    const number: Schema = { type: "integer", ...bounds };
    if (dialect === "crictl") return number;
    return { anyOf: [number, { type: "string", pattern: unsigned ? "^\\d+$" : "^-?\\d+$" }] };
  }
  if (type === ScalarType.BOOL) return { type: "boolean" };
  if (type === ScalarType.BYTES && !plainText) return { type: "string", contentEncoding: "base64" };
  if (type === ScalarType.STRING || type === ScalarType.BYTES) return { type: "string" };
  return { type: "number" };
}

let stale = false;
mkdirSync(folder, { recursive: true });
for (const dialect of ["crictl", "protojson"] as const)
  for (const [kind, message, title] of files) {
    const name = `${kind}${dialect === "crictl" ? "" : ".protojson"}.schema.json`;
    const wanted = `${JSON.stringify(fileSchema(message, title, dialect), null, 2)}\n`;
    if (!process.argv.includes("--check")) writeFileSync(`${folder}${name}`, wanted);
    else if (readFileSync(`${folder}${name}`, "utf8") !== wanted) {
      stale = true;
      console.error(
        `schemas/${name} is stale: npx tsx --conditions=cri-sdk-source scripts/crictl-schemas.ts`,
      );
    }
  }
if (stale) process.exit(1);
