import { create, type DescMessage, type JsonValue, type MessageShape, toJson } from "@bufbuild/protobuf";
import {
  type Container,
  type ContainerEventResponse,
  ContainerEventResponseSchema,
  type ContainerStats,
  type ContainerStatusResponse,
  type Image,
  type ImageFsInfoResponse,
  ImageFsInfoResponseSchema,
  type ImageStatusResponse,
  ListContainerStatsResponseSchema,
  ListContainersResponseSchema,
  ListImagesResponseSchema,
  ListPodSandboxResponseSchema,
  ListPodSandboxStatsResponseSchema,
  type PodSandbox,
  type PodSandboxStats,
  type PodSandboxStatusResponse,
  type StatusResponse,
  type VersionResponse,
  VersionResponseSchema,
} from "../../gen/runtime/v1/api_pb.js";
import { containerReport, imageReport, podReport, runtimeReport, sortedKeys } from "./reports.js";

/** What a command of crictl prints with `-o json`. */
export class CrictlJson {
  /** It as a value. */
  readonly value: JsonValue;

  constructor(value: JsonValue) {
    this.value = value;
  }

  /** It as text, indented by two, without a newline at the end. */
  get text(): string {
    return JSON.stringify(this.value, null, 2);
  }

  /** The text, for templates and `String()`. */
  toString(): string {
    return this.text;
  }

  /** The value, for `JSON.stringify()`. */
  toJSON(): JsonValue {
    return this.value;
  }
}

/** Messages as `crictl -o json` prints them, a function for each command that has such an output. */
export interface CrictlJsonWriter {
  /** `crictl pods`: `{ "items": [ … ] }`, newest first. */
  pods(pods: readonly PodSandbox[]): CrictlJson;
  /** `crictl ps`: `{ "containers": [ … ] }`, newest first. */
  ps(containers: readonly Container[]): CrictlJson;
  /** `crictl images`: `{ "images": [ … ] }`, by first tag, then digest, then id. */
  images(images: readonly Image[]): CrictlJson;
  /**
   * `crictl inspect`: `status`, and each entry of the response's `info` beside it, JSON objects unpacked. The three times
   * are RFC 3339 in UTC; a container that did not start has `0001-01-01T00:00:00Z`. Several responses make a list. Ask
   * with `verbose: true`, as crictl does.
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
  /** `crictl info`: `status`, `runtimeHandlers`, `features`, and the response's `info` beside them. */
  info(response: StatusResponse): CrictlJson;
  /** `crictl version`, which prints lines of text; this is what they say, as JSON. */
  version(response: VersionResponse): CrictlJson;
  /** `crictl imagefsinfo`: `{ "status": … }`. */
  imagefsinfo(response: ImageFsInfoResponse): CrictlJson;
  /** One event of `crictl events`, which prints one after the other. */
  event(event: ContainerEventResponse): CrictlJson;
}

/**
 * Messages as `crictl -o json` prints them: camelCase names, defaults written out, enums by name, 64-bit numbers as text.
 * Each function gives a {@link CrictlJson}, with the `value` and the `text`.
 */
export const toCrictlJson: CrictlJsonWriter = Object.freeze<CrictlJsonWriter>({
  pods: (pods) =>
    plain(ListPodSandboxResponseSchema, create(ListPodSandboxResponseSchema, { items: newestFirst(pods) })),
  ps: (list) =>
    plain(
      ListContainersResponseSchema,
      create(ListContainersResponseSchema, { containers: newestFirst(list) }),
    ),
  images: (images) =>
    plain(ListImagesResponseSchema, create(ListImagesResponseSchema, { images: byName(images) })),
  inspect: (...responses) => reports(responses.map(containerReport)),
  inspectp: (...responses) => reports(responses.map(podReport)),
  inspecti: (...responses) => reports(responses.map(imageReport)),
  stats: (stats) =>
    plain(ListContainerStatsResponseSchema, create(ListContainerStatsResponseSchema, { stats: byId(stats) })),
  statsp: (stats) =>
    plain(
      ListPodSandboxStatsResponseSchema,
      create(ListPodSandboxStatsResponseSchema, { stats: byId(stats) }),
    ),
  info: (response) => new CrictlJson(runtimeReport(response)),
  version: (response) => plain(VersionResponseSchema, response),
  imagefsinfo: (response) =>
    new CrictlJson(
      sortedKeys({ status: toJson(ImageFsInfoResponseSchema, response, { alwaysEmitImplicit: true }) }),
    ),
  event: (event) => plain(ContainerEventResponseSchema, event),
});

function plain<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): CrictlJson {
  return new CrictlJson(toJson(schema, message, { alwaysEmitImplicit: true }));
}

/** crictl packs several into a list, and not one. */
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
