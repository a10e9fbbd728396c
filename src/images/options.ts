import type { MessageInitShape } from "@bufbuild/protobuf";
import type { PodSandboxConfigSchema } from "../../gen/runtime/v1/api_pb.js";
import type { CallOptions } from "../core/index.js";
import type { ImageAuth } from "./auth/source.js";
import type { PullPolicy } from "./policy.js";
import type { WatchOptions } from "./progress.js";

/** Which image is meant, beside its name. */
export interface ImageSpecOptions {
  /**
   * The runtime handler that the image is for, where handlers keep images apart. CRI `ImageSpec.runtime_handler`.
   * @default "", the default handler
   */
  readonly runtimeHandler?: string | undefined;
  /**
   * CRI `ImageSpec.annotations`; the kubelet sends those of the pod.
   * @default none
   */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** CRI's ImageSpec, the same for looking, pulling and removing: handlers may keep images apart. */
export function specOf(image: string, { runtimeHandler = "", annotations = {} }: ImageSpecOptions) {
  return { image, runtimeHandler, annotations: { ...annotations } };
}

/** How an image is looked up. */
export interface GetImageOptions extends CallOptions, ImageSpecOptions {}

/** How an image is pulled. */
export interface PullOptions
  extends Pick<CallOptions, "signal" | "timeoutMs">,
    WatchOptions,
    ImageSpecOptions {
  /**
   * Credentials for the registry, or who has them. All that fit are tried in turn until one works; then none. CRI
   * `PullImageRequest.auth`.
   * @default those of the connection; without any, the runtime's own
   */
  readonly auth?: ImageAuth | undefined;
  /**
   * The pod that the image is for. CRI `PullImageRequest.sandbox_config`.
   * @default none
   */
  readonly sandboxConfig?: MessageInitShape<typeof PodSandboxConfigSchema> | undefined;
  /**
   * The most that all of it may take, in milliseconds; 0 for no limit.
   * @default no limit: a pull takes what the registry and the network need
   */
  readonly timeoutMs?: number | undefined;
}

/** How an image is made sure of. */
export interface EnsureImageOptions extends PullOptions {
  /**
   * When the registry is asked.
   * @default `Always` for the tag `latest` and for names without a tag and a digest, else `IfNotPresent`
   */
  readonly policy?: PullPolicy | undefined;
}
