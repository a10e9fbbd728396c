import type { ContainerConfig, PodSandboxConfig } from "../../../gen/runtime/v1/api_pb.js";
import type { ContainerFiles } from "./container-files.js";
import type { VolumePlan } from "./volume-plans.js";

/** The kinds of containers, in the order of their start. Sidecars start among the init containers. */
export type ContainerKind = "init" | "sidecar" | "regular" | "ephemeral";

/** A container, ready for CreateContainer. */
export interface PlannedContainer {
  /** The name in the Pod. */
  readonly name: string;
  /** The list of the Pod that it is in. */
  readonly kind: ContainerKind;
  /** The image name for pulls: `:latest` is appended where it has neither tag nor digest. */
  readonly image: string;
  /** When the image is pulled. */
  readonly pullPolicy: "Always" | "IfNotPresent" | "Never";
  /** CreateContainerRequest.config */
  readonly config: ContainerConfig;
  /** What the mounts of `config` refer to, beside volumes: `PodFiles.prepareContainer` creates it. */
  readonly files: ContainerFiles;
}

/** Something that was left out, as the kubelet does: resolvers, for example, know no more than three servers. */
export interface ConfigNotice {
  /** The reason of the kubelet's warning event, such as `DNSConfigForming`. */
  readonly reason: string;
  /** The message of that event. */
  readonly message: string;
}

/** What a Pod becomes before its containers: {@link podPlan}. */
export interface PodPlan {
  /** RunPodSandboxRequest.runtime_handler */
  readonly runtimeHandler: string;
  /** RunPodSandboxRequest.config */
  readonly sandbox: PodSandboxConfig;
  /** The volumes to prepare, in the order of the Pod. */
  readonly volumes: readonly VolumePlan[];
  /** What was left out. */
  readonly notices: readonly ConfigNotice[];
}

/** What a Pod becomes: {@link podConfigs}. */
export interface PodConfigs extends PodPlan {
  /** Init containers and sidecars, then regular, then ephemeral containers. */
  readonly containers: readonly PlannedContainer[];
}
