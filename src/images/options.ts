import type { MessageInitShape } from "@bufbuild/protobuf";
import type { PodSandboxConfigSchema } from "../../gen/runtime/v1/api_pb.js";
import {
  type CallOptions,
  callOptionsTable,
  checkArgument,
  OptionTable,
  option,
  tryParseReference,
} from "../core/index.js";
import { authCheck, type ImageAuth } from "./auth/source.js";
import { type PullProgressOptions, progressTable } from "./pull-progress.js";

/** When an image is pulled from its registry, with the values of a Pod's `imagePullPolicy`. */
export type PullPolicy = "Always" | "IfNotPresent" | "Never";

/** The fields of CRI's ImageSpec apart from the image. */
export interface ImageSpecOptions {
  /**
   * The runtime handler of the image, for runtimes whose handlers have separate image stores. CRI `ImageSpec.runtime_handler`.
   * @default "", the default handler
   */
  readonly runtimeHandler?: string | undefined;
  /**
   * CRI `ImageSpec.annotations`; the kubelet sends those of the pod.
   * @default none
   */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** The options of {@link ImageSpecOptions}. */
export const imageSpecTable = new OptionTable<ImageSpecOptions>({
  runtimeHandler: option.string,
  annotations: option.recordOf(option.string),
});

/** Options of {@link Images.get}. */
export interface GetImageOptions extends CallOptions, ImageSpecOptions {}

/** The options of {@link GetImageOptions}. */
export const getImageTable = new OptionTable<GetImageOptions>({
  ...callOptionsTable.checks,
  ...imageSpecTable.checks,
});

/** Options of {@link Images.pull}. */
export interface PullOptions
  extends Pick<CallOptions, "signal" | "timeoutMs">,
    PullProgressOptions,
    ImageSpecOptions {
  /**
   * Credentials for the registry, or sources of them. All that match are tried in order until the registry accepts one; the last attempt
   * has no credentials. CRI `PullImageRequest.auth`.
   * @default `imageAuth` of the connection; without it, the runtime's own credentials
   */
  readonly auth?: ImageAuth | undefined;
  /**
   * The pod that the image is for. CRI `PullImageRequest.sandbox_config`.
   * @default none
   */
  readonly sandboxConfig?: MessageInitShape<typeof PodSandboxConfigSchema> | undefined;
  /**
   * The deadline of the whole operation in milliseconds; 0 for no deadline.
   * @default 0: the duration of a pull depends on the registry and the network
   */
  readonly timeoutMs?: number | undefined;
}

/** The options of {@link PullOptions}. */
export const pullTable = new OptionTable<PullOptions>({
  ...imageSpecTable.checks,
  ...progressTable.checks,
  signal: option.signal,
  timeoutMs: option.timeoutMs,
  auth: authCheck,
  // A request message, which preflight checks.
  sandboxConfig: option.object,
});

/** Options of {@link Images.ensure}. */
export interface EnsureImageOptions extends PullOptions {
  /**
   * When the image is pulled.
   * @default `Always` for the tag `latest` and for names with neither tag nor digest, otherwise `IfNotPresent`
   */
  readonly policy?: PullPolicy | undefined;
}

/** The options of {@link EnsureImageOptions}. */
export const ensureImageTable = new OptionTable<EnsureImageOptions>({
  ...pullTable.checks,
  policy: option.oneOf("Always", "IfNotPresent", "Never"),
});

/**
 * Returns the kubelet's default policy for an image: `Always` for the tag `latest`, which a name without a tag or digest has, otherwise
 * `IfNotPresent`. An id cannot be pulled, so it is `IfNotPresent`, too.
 */
export function defaultPullPolicy(image: string): PullPolicy {
  checkArgument("defaultPullPolicy", "image", image, option.string);
  return tryParseReference(image)?.tag === "latest" ? "Always" : "IfNotPresent";
}

/** Returns CRI's ImageSpec. */
export function imageSpec(image: string, { runtimeHandler = "", annotations = {} }: ImageSpecOptions) {
  return { image, runtimeHandler, annotations: { ...annotations } };
}
