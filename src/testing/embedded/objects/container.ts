import { create } from "@bufbuild/protobuf";
import {
  type ContainerConfig,
  type Container as ContainerItem,
  ContainerSchema,
  ContainerState,
  type ContainerStatus,
  ContainerStatusSchema,
  type LinuxContainerResources,
  Signal,
} from "../../../../gen/runtime/v1/api_pb.js";
import type { DriverContainer, ProcessSpec } from "../driver.js";
import type { MainProcess } from "../process/main-process.js";
import type { Sandbox } from "./sandbox.js";

/** What of an image a container needs. */
export interface ContainerImage {
  /** CRI `image_id`. */
  readonly id: string;
  /** CRI `image_ref`: what the image is known as in its registry, else its id. */
  readonly ref: string;
  readonly env: readonly string[];
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly workingDir: string;
  /** `uid`, `uid:gid` or a name; "" for none. */
  readonly user: string;
}

/** What a container is made of. */
export interface ContainerInit {
  readonly id: string;
  readonly sandbox: Sandbox;
  readonly config: ContainerConfig;
  readonly image: ContainerImage;
  readonly place: DriverContainer;
  readonly process: ProcessSpec;
  readonly createdAt: bigint;
  /** Absolute; "" for none. */
  readonly logPath: string;
}

const stateNames = ["CONTAINER_CREATED", "CONTAINER_RUNNING", "CONTAINER_EXITED"];

/** A container: CREATED, then RUNNING, then EXITED, and never back. */
export class Container {
  readonly id: string;
  readonly sandbox: Sandbox;
  readonly config: ContainerConfig;
  readonly image: ContainerImage;
  readonly place: DriverContainer;
  readonly process: ProcessSpec;
  readonly createdAt: bigint;
  readonly logPath: string;
  state: ContainerState = ContainerState.CONTAINER_CREATED;
  startedAt = 0n;
  finishedAt = 0n;
  exitCode = 0;
  reason = "";
  message = "";
  resources: LinuxContainerResources | undefined;
  /** From the moment that it is being started until it was removed. */
  main: MainProcess | undefined;
  /** Set while it is being started, so that a second start is refused, and a stop waits for it. */
  starting: Promise<void> | undefined;
  /** Set while it is being removed, so that who asks again waits for the same end. */
  removing: Promise<void> | undefined;

  constructor(init: ContainerInit) {
    this.id = init.id;
    this.sandbox = init.sandbox;
    this.config = init.config;
    this.image = init.image;
    this.place = init.place;
    this.process = init.process;
    this.createdAt = init.createdAt;
    this.logPath = init.logPath;
    this.resources = init.config.linux?.resources;
  }

  /** What no two containers of a sandbox may have in common. */
  static nameOf(sandbox: Sandbox, { metadata }: ContainerConfig): string {
    return [metadata?.name, sandbox.id, metadata?.attempt].join("_");
  }

  get running(): boolean {
    return this.state === ContainerState.CONTAINER_RUNNING;
  }

  /** The state's name, as errors have it. */
  get stateName(): string {
    return stateNames[this.state] ?? "CONTAINER_UNKNOWN";
  }

  /** As lists have it. */
  item(): ContainerItem {
    return create(ContainerSchema, { ...this.#common(), podSandboxId: this.sandbox.id });
  }

  /** As ContainerStatus and events have it. */
  status(): ContainerStatus {
    const { startedAt, finishedAt, exitCode, reason, message, config, logPath, resources } = this;
    return create(ContainerStatusSchema, {
      ...this.#common(),
      ...{ startedAt, finishedAt, exitCode, reason, message, logPath },
      mounts: config.mounts,
      stopSignal: config.stopSignal || Signal.SIGTERM,
      ...(resources ? { resources: { linux: resources } } : {}),
      ...this.#user(),
    });
  }

  #user() {
    const { runAsUser, runAsGroup, supplementalGroups = [] } = this.config.linux?.securityContext ?? {};
    if (!runAsUser) return {};
    const gid = runAsGroup?.value ?? runAsUser.value;
    return { user: { linux: { uid: runAsUser.value, gid, supplementalGroups } } };
  }

  #common() {
    const { id, config, state, createdAt, image } = this;
    const { metadata, labels, annotations } = config;
    return {
      ...{ id, state, createdAt, labels, annotations },
      image: config.image ?? {},
      imageRef: image.ref,
      imageId: image.id,
      ...(metadata ? { metadata } : {}),
    };
  }
}
