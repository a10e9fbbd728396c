import {
  type DescMessage,
  type JsonObject,
  type JsonValue,
  type MessageShape,
  toJson,
} from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import {
  ContainerState,
  type ContainerStatusResponse,
  ContainerStatusSchema,
  ImageSchema,
  type ImageStatusResponse,
  type PodSandboxStatusResponse,
  PodSandboxStatusSchema,
  RuntimeFeaturesSchema,
  RuntimeHandlerSchema,
  RuntimeStatusSchema,
  type StatusResponse,
} from "../../gen/runtime/v1/api_pb.js";
import { stringify } from "./exact-json.js";
import { goValue } from "./go-json.js";

/** How Go writes a time that was never set. */
const noTime = "0001-01-01T00:00:00Z";

type Info = Readonly<Record<string, string>>;

/** What `crictl inspect` prints of one container. */
export function containerReport({ status, info }: ContainerStatusResponse): JsonValue {
  if (status === undefined) return report({}, info);
  const json = emitted(ContainerStatusSchema, status, true);
  const { state, createdAt, startedAt, finishedAt } = status;
  const started = state !== ContainerState.CONTAINER_CREATED;
  const finished =
    state === ContainerState.CONTAINER_EXITED ||
    (state === ContainerState.CONTAINER_UNKNOWN && finishedAt > 0n);
  json.createdAt = rfc3339Nano(createdAt);
  json.startedAt = started ? rfc3339Nano(startedAt) : noTime;
  json.finishedAt = finished ? rfc3339Nano(finishedAt) : noTime;
  return report({ status: json }, info);
}

/** What `crictl inspectp` prints of one pod. */
export function podReport({ status, info }: PodSandboxStatusResponse): JsonValue {
  if (status === undefined) return report({}, info);
  const json = emitted(PodSandboxStatusSchema, status, true);
  json.createdAt = rfc3339Nano(status.createdAt);
  return report({ status: json }, info);
}

/** What `crictl inspecti` prints of one image. */
export function imageReport({ image, info }: ImageStatusResponse): JsonValue {
  return report(image ? { status: emitted(ImageSchema, image, false) } : {}, info);
}

/** What `crictl info` prints. */
export function runtimeReport({ status, runtimeHandlers, features, info }: StatusResponse): JsonValue {
  const json: JsonObject = status ? { status: emitted(RuntimeStatusSchema, status, false) } : {};
  // These two crictl writes with Go's encoder, names as in the schema and nothing that is empty.
  if (runtimeHandlers.length > 0)
    json.runtimeHandlers = runtimeHandlers.map((handler) => goJson(RuntimeHandlerSchema, handler));
  if (features) json.features = goJson(RuntimeFeaturesSchema, features);
  return report(json, info);
}

/** The same value, with the keys of every object in order: crictl writes these reports so. */
export function sortedKeys(value: JsonValue): JsonValue {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(sortedKeys);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sortedKeys(inner)]));
}

/** Nanoseconds since 1970 as RFC 3339 in UTC, with as many digits of the fraction as are not 0. */
export function rfc3339Nano(nanos: bigint): string {
  const perSecond = 1_000_000_000n;
  const within = ((nanos % perSecond) + perSecond) % perSecond;
  const whole = new Date(Number((nanos - within) / 1_000_000n)).toISOString().slice(0, 19);
  const fraction = within.toString().padStart(9, "0").replace(/0+$/, "");
  return `${whole}${fraction && "."}${fraction}Z`;
}

/** The status comes from a field of the response, its `info` from the runtime, which may say anything. */
function report(own: JsonObject, info: Info): JsonValue {
  const unpacked = Object.entries(info).map(([key, text]) => [key, unpack(text)] as const);
  return sortedKeys({ ...own, ...Object.fromEntries(unpacked) });
}

/** What looks like a JSON object becomes one; of other values, the quotes are taken off. */
function unpack(text: string): JsonValue {
  if (!text.startsWith("{")) return text.replace(/^"+|"+$/g, "");
  try {
    // JSON text that begins with a brace is an object.
    return JSON.parse(text) as JsonObject;
  } catch {
    return text;
  }
}

/** A message with its defaults written out; unset messages are null where crictl lists every field. */
function emitted<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
  everyField: boolean,
): JsonObject {
  // A message that is no well-known type is a JSON object.
  const json = toJson(schema, message, { alwaysEmitImplicit: true }) as JsonObject;
  const missing = everyField ? schema.fields.filter(({ jsonName }) => !(jsonName in json)) : [];
  return { ...Object.fromEntries(missing.map(({ jsonName }) => [jsonName, null])), ...json };
}

function goJson<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): JsonValue {
  return JSON.parse(stringify(goValue(reflect(schema, message))));
}
