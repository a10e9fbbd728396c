import type { DescField, DescMessage, MessageShape } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { KeyValueSchema } from "../../gen/runtime/v1/api_pb.js";
import { CriError } from "../core/index.js";
import { type ExactJson, exactJson, stringify } from "./exact-json.js";
import { invalidFile } from "./problems.js";
import { type Reading, readMessage, type UnknownKeys } from "./read-message.js";

/** How Go's JSON is read. */
export interface FromGoJsonOptions {
  /**
   * What becomes of keys, and numbers of enums, that this version of CRI does not have. What a runtime tells of its own
   * state may have some.
   *
   * @default "refuse"
   */
  readonly unknownKeys?: UnknownKeys | undefined;
  /**
   * Where the message is in the value: `["config"]` in what containerd tells of a pod or a container.
   *
   * @default []
   */
  readonly at?: readonly string[] | undefined;
}

/**
 * A message from the JSON that Go's encoder makes of it, crictl's dialect: names as in the schema, enums and 64-bit
 * numbers as numbers. containerd tells the config of a pod so, in `info.info` of a verbose PodSandboxStatus.
 *
 * `value` is JSON text, whose large numbers are read exactly, or what somebody has parsed already. Throws `invalid_file`
 * with every wrong place.
 */
export function fromGoJson<Desc extends DescMessage>(
  schema: Desc,
  value: unknown,
  { unknownKeys = "refuse", at = [] }: FromGoJsonOptions = {},
): MessageShape<Desc> {
  const what = `this JSON as a ${schema.name}`;
  let inner = typeof value === "string" ? parse(value, what) : value;
  for (const [depth, key] of at.entries()) {
    const isMap = typeof inner === "object" && inner !== null && Object.hasOwn(inner, key);
    if (!isMap)
      throw invalidFile(what, [{ path: at.slice(0, depth + 1), message: "is missing", value: inner }]);
    inner = Reflect.get(inner as object, key);
  }
  const reading: Reading = { dialect: "crictl", unknownKeys, found: [] };
  const message = readMessage(schema, inner, at, reading);
  if (reading.found.length > 0) throw invalidFile(what, reading.found);
  // readMessage makes a message of the schema it is given; reflection does not carry its type.
  return message.message as MessageShape<Desc>;
}

function parse(text: string, what: string): unknown {
  try {
    return exactJson(text);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw invalidFile(what, [{ path: [], message, value: undefined }]);
  }
}

/**
 * A message as crictl's files have it, as indented JSON text: `toGoJson(PodSandboxConfigSchema, config)` is a file for
 * `crictl runp`. What is empty is left out. Throws `invalid_request` for a variable whose value is no UTF-8, which this
 * dialect cannot write.
 */
export function toGoJson<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): string {
  return stringify(goValue(reflect(schema, message)));
}

/** A message as Go's encoder makes it, as a value. */
export function goValue(message: ReflectMessage): ExactJson {
  const fields = message.fields.filter((field) => message.isSet(field));
  return Object.fromEntries(fields.map((field) => [field.name, fieldValue(message, field)]));
}

function fieldValue(message: ReflectMessage, field: DescField): ExactJson {
  if (field.fieldKind === "message") return goValue(message.get(field));
  if (field.fieldKind === "list")
    return [...message.get(field)].map((item) =>
      // A list of messages gives each as a ReflectMessage.
      field.listKind === "message" ? goValue(item as ReflectMessage) : single(field, item),
    );
  if (field.fieldKind === "map")
    return Object.fromEntries(
      [...message.get(field)].map(([key, item]) => [String(key), single(field, item)]),
    );
  return single(field, message.get(field));
}

function single(field: DescField, value: unknown): ExactJson {
  if (value instanceof Uint8Array) return bytesValue(field, value);
  if (typeof value === "bigint" || typeof value === "number") return value;
  return typeof value === "boolean" ? value : String(value);
}

function bytesValue(field: DescField, bytes: Uint8Array): ExactJson {
  if (field.parent.typeName !== KeyValueSchema.typeName) return Buffer.from(bytes).toString("base64");
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    const message = "the value is no UTF-8, which crictl's JSON cannot write";
    throw new CriError({
      code: "invalid_argument",
      reason: "invalid_request",
      text: message,
      problems: [{ path: "envs", message, value: bytes }],
    });
  }
}
