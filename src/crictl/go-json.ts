import type { DescField, DescMessage, MessageShape } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { KeyValueSchema } from "../../gen/runtime/v1/api_pb.js";
import { checkArgument, criError, isBytes, messageOf, OptionTable, option } from "../core/index.js";
import { invalidFile } from "./invalid-file.js";
import { type ReadContext, readMessage, type UnknownKeyPolicy } from "./read-message.js";

/** Options of {@link fromGoJson}. */
export interface FromGoJsonOptions {
  /**
   * How keys and enum numbers are treated that this version of CRI does not define. What a runtime reports of its own state may
   * contain some.
   *
   * @default "refuse"
   */
  readonly unknownKeys?: UnknownKeyPolicy | undefined;
  /**
   * The path of the message in the value: `["config"]` in containerd's verbose status of a pod or a container.
   *
   * @default []
   */
  readonly at?: readonly string[] | undefined;
}

const goJsonTable = new OptionTable<FromGoJsonOptions>({
  unknownKeys: option.oneOf("refuse", "ignore"),
  at: option.listOf(option.string),
});

/**
 * Reads a message from the JSON of Go's encoder, which is crictl's dialect: names as in the schema, enums and 64-bit numbers as
 * numbers. containerd reports the config of a pod in this form, in `info.info` of a verbose PodSandboxStatus.
 *
 * `value` is JSON text, whose large numbers are read exactly, or a parsed value.
 *
 * @throws {CriError} `invalid_file` with every invalid field.
 */
export function fromGoJson<Desc extends DescMessage>(
  schema: Desc,
  value: unknown,
  options: FromGoJsonOptions = {},
): MessageShape<Desc> {
  checkArgument("fromGoJson", "schema", schema, (value) =>
    value?.kind === "message" ? undefined : "must be the schema of a message",
  );
  goJsonTable.check("fromGoJson", options);
  const { unknownKeys = "refuse", at = [] } = options;
  const what = `this JSON is not a valid ${schema.name}`;
  let inner = typeof value === "string" ? parse(value, what) : value;
  for (const [depth, key] of at.entries()) {
    const isMap = typeof inner === "object" && inner !== null && Object.hasOwn(inner, key);
    if (!isMap)
      throw invalidFile(what, [{ path: at.slice(0, depth + 1), message: "is missing", value: inner }]);
    inner = Reflect.get(inner as object, key);
  }
  const context: ReadContext = { dialect: "crictl", unknownKeys, problems: [] };
  const message = readMessage(schema, inner, at, context);
  if (context.problems.length > 0) throw invalidFile(what, context.problems);
  // The message has the type of the schema, which reflection does not preserve.
  return message.message as MessageShape<Desc>;
}

function parse(text: string, what: string): unknown {
  try {
    return exactJson(text);
  } catch (error) {
    const message = messageOf(error);
    throw invalidFile(what, [{ path: [], message, value: undefined }]);
  }
}

/**
 * Formats a message as indented JSON text in crictl's dialect: `toGoJson(PodSandboxConfigSchema, config)` is a file for `crictl
 * runp`. Omits empty fields.
 *
 * @throws {CriError} `invalid_request` for an environment variable whose value is not UTF-8, which this dialect cannot represent.
 */
export function toGoJson<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): string {
  checkArgument("toGoJson", "schema", schema, option.schema);
  checkArgument("toGoJson", "message", message, option.message);
  return stringify(goValue(reflect(schema, message)));
}

/** Converts a message to the value that Go's encoder makes of it. */
export function goValue(message: ReflectMessage): ExactJson {
  const fields = message.fields.filter((field) => message.isSet(field));
  return Object.fromEntries(fields.map((field) => [field.name, fieldValue(message, field)]));
}

function fieldValue(message: ReflectMessage, field: DescField): ExactJson {
  if (field.fieldKind === "message") return goValue(message.get(field));
  if (field.fieldKind === "list")
    return [...message.get(field)].map((item) =>
      // A list of messages contains ReflectMessages.
      field.listKind === "message" ? goValue(item as ReflectMessage) : single(field, item),
    );
  if (field.fieldKind === "map")
    return Object.fromEntries(
      [...message.get(field)].map(([key, item]) => [String(key), single(field, item)]),
    );
  return single(field, message.get(field));
}

function single(field: DescField, value: unknown): ExactJson {
  if (isBytes(value)) return bytesValue(field, value);
  if (typeof value === "bigint" || typeof value === "number") return value;
  return typeof value === "boolean" ? value : String(value);
}

function bytesValue(field: DescField, bytes: Uint8Array): ExactJson {
  if (field.parent.typeName !== KeyValueSchema.typeName) return Buffer.from(bytes).toString("base64");
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    const message = "the value is not UTF-8, which crictl's JSON cannot represent";
    throw criError("invalid_request", `envs: ${message}`, {
      problems: [{ path: "envs", message, value: bytes }],
    });
  }
}

/** A JSON value whose whole numbers may be bigint. */
export type ExactJson =
  | string
  | number
  | bigint
  | boolean
  | null
  | readonly ExactJson[]
  | { readonly [key: string]: ExactJson };

/** Matches a string or a number in JSON text. */
const token = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g;

/** Parses JSON. Whole numbers that a JavaScript number cannot hold become bigint. Throws a SyntaxError for other text. */
export function exactJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  // Numbers with fewer digits are exact.
  if (!/\d{16}/.test(text)) return value;
  // JSON.parse rounds large numbers before a reviver sees them, so they are passed to it as marked strings.
  const mark = unusedMark(text);
  const marked = text.replace(token, (number) =>
    /^-?\d{16,}$/.test(number) && !Number.isSafeInteger(Number(number)) ? `"${mark}${number}"` : number,
  );
  return JSON.parse(marked, (_key, item: unknown) =>
    typeof item === "string" && item.startsWith(mark) ? BigInt(item.slice(mark.length)) : item,
  );
}

/** Returns a prefix that no string in the text has: longer than every run of its letter, which JSON may also escape. */
function unusedMark(text: string): string {
  const runs = text.match(/(?:~|\\u007e)+/gi) ?? [];
  return "~".repeat(runs.reduce((longest, { length }) => Math.max(longest, length), 0) + 1);
}

/** Formats a value as indented JSON text, with every digit of a bigint. */
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
