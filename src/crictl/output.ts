import {
  create,
  type DescMessage,
  type JsonObject,
  type JsonValue,
  type Message,
  type MessageShape,
  toJson,
} from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import {
  type Container,
  type ContainerEventResponse,
  ContainerEventResponseSchema,
  ContainerSchema,
  ContainerState,
  type ContainerStats,
  ContainerStatsSchema,
  type ContainerStatusResponse,
  ContainerStatusResponseSchema,
  ContainerStatusSchema,
  type Image,
  type ImageFsInfoResponse,
  ImageFsInfoResponseSchema,
  ImageSchema,
  type ImageStatusResponse,
  ImageStatusResponseSchema,
  ListContainerStatsResponseSchema,
  ListContainersResponseSchema,
  ListImagesResponseSchema,
  ListPodSandboxResponseSchema,
  ListPodSandboxStatsResponseSchema,
  type PodSandbox,
  PodSandboxSchema,
  type PodSandboxStats,
  PodSandboxStatsSchema,
  type PodSandboxStatusResponse,
  PodSandboxStatusResponseSchema,
  PodSandboxStatusSchema,
  RuntimeFeaturesSchema,
  RuntimeHandlerSchema,
  RuntimeStatusSchema,
  type StatusResponse,
  StatusResponseSchema,
  type VersionResponse,
  VersionResponseSchema,
} from "../../gen/runtime/v1/api_pb.js";
import { checkArgument, option } from "../core/index.js";
import { goValue, stringify } from "./go-json.js";

/** The output of a crictl command with `-o json`. */
export class CrictlJson {
  /** The output as a value. */
  readonly value: JsonValue;

  /** Wraps a value. */
  constructor(value: JsonValue) {
    this.value = value;
  }

  /** The output as text, indented by two spaces, without a newline at the end. */
  get text(): string {
    return JSON.stringify(this.value, null, 2);
  }

  /** Returns the text, for templates and `String()`. */
  toString(): string {
    return this.text;
  }

  /** Returns the value, for `JSON.stringify()`. */
  toJSON(): JsonValue {
    return this.value;
  }
}

/** Formats messages as `crictl -o json` prints them: a function per command. */
export interface CrictlJsonWriter {
  /** `crictl pods`: `{ "items": [ … ] }`, newest first. */
  pods(pods: readonly PodSandbox[]): CrictlJson;
  /** `crictl ps`: `{ "containers": [ … ] }`, newest first. */
  ps(containers: readonly Container[]): CrictlJson;
  /** `crictl images`: `{ "images": [ … ] }`, by first tag, then digest, then id. */
  images(images: readonly Image[]): CrictlJson;
  /**
   * `crictl inspect`: `status` and the entries of the response's `info`, with JSON objects parsed. The three times are RFC 3339
   * in UTC; `startedAt` of a container that was not started is `0001-01-01T00:00:00Z`. One response becomes an object, several
   * become a list. For `info`, make the call with `verbose: true`, as crictl does.
   */
  inspect(...responses: readonly ContainerStatusResponse[]): CrictlJson;
  /** `crictl inspectp`: as `inspect`, for pods. */
  inspectp(...responses: readonly PodSandboxStatusResponse[]): CrictlJson;
  /** `crictl inspecti`: as `inspect`, for images. */
  inspecti(...responses: readonly ImageStatusResponse[]): CrictlJson;
  /** `crictl stats`: `{ "stats": [ … ] }`, by id. */
  stats(stats: readonly ContainerStats[]): CrictlJson;
  /** `crictl statsp`: `{ "stats": [ … ] }`, by id. */
  statsp(stats: readonly PodSandboxStats[]): CrictlJson;
  /** `crictl info`: `status`, `runtimeHandlers`, `features` and the entries of the response's `info`. */
  info(response: StatusResponse): CrictlJson;
  /** `crictl version`, which prints lines of text: the same content as JSON. */
  version(response: VersionResponse): CrictlJson;
  /** `crictl imagefsinfo`: `{ "status": … }`. */
  imagefsinfo(response: ImageFsInfoResponse): CrictlJson;
  /** One event of `crictl events`, which prints a stream of them. */
  event(event: ContainerEventResponse): CrictlJson;
}

/**
 * Formats messages as `crictl -o json` prints them: camelCase names, defaults written out, enums by name, 64-bit numbers as
 * strings. Each function returns a {@link CrictlJson} with the `value` and the `text`.
 */
export const toCrictlJson: CrictlJsonWriter = Object.freeze<CrictlJsonWriter>({
  pods(pods) {
    checkMessages("pods", "pods", PodSandboxSchema, pods);
    return plain(
      ListPodSandboxResponseSchema,
      create(ListPodSandboxResponseSchema, { items: newestFirst(pods) }),
    );
  },
  ps(containers) {
    checkMessages("ps", "containers", ContainerSchema, containers);
    return plain(
      ListContainersResponseSchema,
      create(ListContainersResponseSchema, { containers: newestFirst(containers) }),
    );
  },
  images(images) {
    checkMessages("images", "images", ImageSchema, images);
    return plain(ListImagesResponseSchema, create(ListImagesResponseSchema, { images: byName(images) }));
  },
  inspect(...responses) {
    checkMessages("inspect", "responses", ContainerStatusResponseSchema, responses);
    return reports(responses.map(containerReport));
  },
  inspectp(...responses) {
    checkMessages("inspectp", "responses", PodSandboxStatusResponseSchema, responses);
    return reports(responses.map(podReport));
  },
  inspecti(...responses) {
    checkMessages("inspecti", "responses", ImageStatusResponseSchema, responses);
    return reports(responses.map(imageReport));
  },
  stats(stats) {
    checkMessages("stats", "stats", ContainerStatsSchema, stats);
    return plain(
      ListContainerStatsResponseSchema,
      create(ListContainerStatsResponseSchema, { stats: byId(stats) }),
    );
  },
  statsp(stats) {
    checkMessages("statsp", "stats", PodSandboxStatsSchema, stats);
    return plain(
      ListPodSandboxStatsResponseSchema,
      create(ListPodSandboxStatsResponseSchema, { stats: byId(stats) }),
    );
  },
  info(response) {
    checkMessage("info", "response", StatusResponseSchema, response);
    return new CrictlJson(runtimeReport(response));
  },
  version(response) {
    checkMessage("version", "response", VersionResponseSchema, response);
    return plain(VersionResponseSchema, response);
  },
  imagefsinfo(response) {
    checkMessage("imagefsinfo", "response", ImageFsInfoResponseSchema, response);
    return new CrictlJson(
      sortedKeys({ status: toJson(ImageFsInfoResponseSchema, response, { alwaysEmitImplicit: true }) }),
    );
  },
  event(event) {
    checkMessage("event", "event", ContainerEventResponseSchema, event);
    return plain(ContainerEventResponseSchema, event);
  },
});

/** Throws `invalid_option` for anything but a message of this type. */
function checkMessage(command: string, name: string, { typeName }: DescMessage, message: Message): void {
  checkArgument(`toCrictlJson.${command}`, name, message, option.messageOf(typeName));
}

/** Throws `invalid_option` for anything but messages of this type. */
function checkMessages(
  command: string,
  name: string,
  { typeName }: DescMessage,
  messages: readonly Message[],
): void {
  checkArgument(`toCrictlJson.${command}`, name, messages, option.listOf(option.messageOf(typeName)));
}

function plain<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): CrictlJson {
  return new CrictlJson(toJson(schema, message, { alwaysEmitImplicit: true }));
}

/** crictl prints several reports as a list, and a single one as an object. */
function reports(all: readonly JsonValue[]): CrictlJson {
  const [first] = all;
  return new CrictlJson(all.length === 1 && first !== undefined ? first : [...all]);
}

function newestFirst<T extends { readonly createdAt: bigint; readonly id: string }>(list: readonly T[]): T[] {
  return [...list].sort((a, b) => {
    if (a.createdAt !== b.createdAt) return a.createdAt > b.createdAt ? -1 : 1;
    return compare(a.id, b.id);
  });
}

function byName(images: readonly Image[]): Image[] {
  const first = (list: readonly string[]) => list[0] ?? "";
  return [...images].sort(
    (a, b) =>
      compare(first(a.repoTags), first(b.repoTags)) ||
      compare(first(a.repoDigests), first(b.repoDigests)) ||
      compare(a.id, b.id),
  );
}

function byId<T extends { readonly attributes?: { readonly id: string } | undefined }>(
  list: readonly T[],
): T[] {
  return [...list].sort((a, b) => compare(a.attributes?.id ?? "", b.attributes?.id ?? ""));
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** How Go formats a time that was never set. */
const noTime = "0001-01-01T00:00:00Z";

type Info = Readonly<Record<string, string>>;

/** Returns what `crictl inspect` prints for one container. */
function containerReport({ status, info }: ContainerStatusResponse): JsonValue {
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

/** Returns what `crictl inspectp` prints for one pod. */
function podReport({ status, info }: PodSandboxStatusResponse): JsonValue {
  if (status === undefined) return report({}, info);
  const json = emitted(PodSandboxStatusSchema, status, true);
  json.createdAt = rfc3339Nano(status.createdAt);
  return report({ status: json }, info);
}

/** Returns what `crictl inspecti` prints for one image. */
function imageReport({ image, info }: ImageStatusResponse): JsonValue {
  return report(image ? { status: emitted(ImageSchema, image, false) } : {}, info);
}

/** Returns what `crictl info` prints. */
function runtimeReport({ status, runtimeHandlers, features, info }: StatusResponse): JsonValue {
  const json: JsonObject = status ? { status: emitted(RuntimeStatusSchema, status, false) } : {};
  // crictl formats these two with Go's encoder: names as in the schema, without empty fields.
  if (runtimeHandlers.length > 0)
    json.runtimeHandlers = runtimeHandlers.map((handler) => goJson(RuntimeHandlerSchema, handler));
  if (features) json.features = goJson(RuntimeFeaturesSchema, features);
  return report(json, info);
}

/** Sorts the keys of every object, as crictl does in these reports. */
function sortedKeys(value: JsonValue): JsonValue {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(sortedKeys);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sortedKeys(inner)]));
}

/** Formats nanoseconds since 1970 as RFC 3339 in UTC, without trailing zeros of the fraction. */
function rfc3339Nano(nanos: bigint): string {
  const perSecond = 1_000_000_000n;
  const within = ((nanos % perSecond) + perSecond) % perSecond;
  const whole = new Date(Number((nanos - within) / 1_000_000n)).toISOString().slice(0, 19);
  const fraction = within.toString().padStart(9, "0").replace(/0+$/, "");
  return `${whole}${fraction && "."}${fraction}Z`;
}

/** Joins the fields of the response with the entries of its `info`, which are arbitrary strings of the runtime. */
function report(own: JsonObject, info: Info): JsonValue {
  const unpacked = Object.entries(info).map(([key, text]) => [key, unpack(text)] as const);
  return sortedKeys({ ...own, ...Object.fromEntries(unpacked) });
}

/** Parses a JSON object. Removes the quotes of other values. */
function unpack(text: string): JsonValue {
  if (!text.startsWith("{")) return text.replace(/^"+|"+$/g, "");
  try {
    // JSON that begins with a brace is an object.
    return JSON.parse(text) as JsonObject;
  } catch {
    return text;
  }
}

/** Converts a message with its default values. With `everyField`, unset messages are null, as crictl prints them. */
function emitted<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
  everyField: boolean,
): JsonObject {
  // Only well-known types are something else than a JSON object.
  const json = toJson(schema, message, { alwaysEmitImplicit: true }) as JsonObject;
  const missing = everyField ? schema.fields.filter(({ jsonName }) => !(jsonName in json)) : [];
  return { ...Object.fromEntries(missing.map(({ jsonName }) => [jsonName, null])), ...json };
}

function goJson<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): JsonValue {
  return JSON.parse(stringify(goValue(reflect(schema, message))));
}
