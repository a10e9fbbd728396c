// Sandboxes and containers: their configs, their states, and how CRI's lists and statuses show them.
import { clone, create } from "@bufbuild/protobuf";
import {
  type ContainerConfig,
  type Container as ContainerItem,
  ContainerSchema,
  ContainerState,
  type ContainerStatus,
  ContainerStatusSchema,
  type LinuxContainerResources,
  LinuxContainerResourcesSchema,
  type PodSandbox,
  type PodSandboxConfig,
  PodSandboxSchema,
  PodSandboxState,
  type PodSandboxStatus,
  PodSandboxStatusSchema,
  Signal,
} from "../../../gen/runtime/v1/api_pb.js";
import type { DriverContainer, DriverPod, DriverUser, ImageFiles, ProcessSpec } from "./driver.js";
import type { OpenHostPorts } from "./host-ports.js";
import type { MainProcess } from "./main-process.js";
import { signalNumber } from "./signals.js";
import type { Traffic } from "./stream-copy.js";

/** The parts of a {@link Sandbox}. */
export interface SandboxInit {
  readonly id: string;
  readonly config: PodSandboxConfig;
  readonly runtimeHandler: string;
  readonly createdAt: bigint;
  /** Undefined on the host's network. */
  readonly ip: string | undefined;
  readonly hostname: string;
  /** Labels that its config does not have. */
  readonly moreLabels: Readonly<Record<string, string>>;
}

/** A pod sandbox: READY, and NOTREADY once it was stopped. */
export class Sandbox {
  readonly id: string;
  readonly config: PodSandboxConfig;
  readonly runtimeHandler: string;
  readonly createdAt: bigint;
  readonly pod: DriverPod;
  /** The labels that statuses, lists and stats report. */
  readonly labels: Record<string, string>;
  readonly containers = new Set<Container>();
  /** Whether RunPodSandbox is still creating it: its name is taken, and no list has it. */
  isStarting = true;
  state: PodSandboxState = PodSandboxState.SANDBOX_READY;
  /** Set while ports of the host are forwarded to the pod. */
  hostPorts: OpenHostPorts | undefined;
  /** Bytes that went through port-forward and host ports. */
  readonly traffic: Traffic = { received: 0, sent: 0 };
  /** The resources of the config, or of the latest UpdatePodSandboxResources. */
  resources: LinuxContainerResources | undefined;
  overhead: LinuxContainerResources | undefined;
  /** Set while the sandbox is being removed, so that concurrent removals share one. */
  removing: Promise<void> | undefined;

  constructor({ id, config, runtimeHandler, createdAt, ip, hostname, moreLabels }: SandboxInit) {
    this.id = id;
    this.config = config;
    this.runtimeHandler = runtimeHandler;
    this.createdAt = createdAt;
    this.labels = { ...config.labels, ...moreLabels };
    this.pod = { id, ip, hostname, dns: config.dnsConfig };
    this.resources = config.linux?.resources;
    this.overhead = config.linux?.overhead;
  }

  /** Returns the name that is unique among all sandboxes. */
  static nameOf({ metadata }: PodSandboxConfig): string {
    const { name, namespace, uid, attempt } = metadata ?? {};
    return [name, namespace, uid, attempt].join("_");
  }

  get isReady(): boolean {
    return this.state === PodSandboxState.SANDBOX_READY;
  }

  /** Converts the sandbox to an item of ListPodSandbox. */
  item(): PodSandbox {
    return create(PodSandboxSchema, this.#common());
  }

  /** Converts the sandbox to PodSandboxStatus. It has no address on the host's network, and none after it was stopped. */
  status(): PodSandboxStatus {
    const options = this.config.linux?.securityContext?.namespaceOptions ?? {};
    return create(PodSandboxStatusSchema, {
      ...this.#common(),
      network: { ip: this.isReady ? (this.pod.ip ?? "") : "" },
      linux: { namespaces: { options } },
    });
  }

  #common() {
    const { id, config, state, createdAt, runtimeHandler, labels } = this;
    const { metadata, annotations } = config;
    return { id, state, createdAt, runtimeHandler, labels, annotations, ...(metadata ? { metadata } : {}) };
  }
}

/** The fields of an image that a container uses. */
export interface ContainerImage {
  /** CRI `image_id`. */
  readonly id: string;
  /** CRI `image_ref`: the image's name in its registry, by digest; else its id. */
  readonly ref: string;
  readonly env: readonly string[];
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly workingDir: string;
  /** A uid or a name, optionally with a group; "" for none. */
  readonly user: string;
  /** The name of the signal, as in `SIGQUIT`; "" for none. */
  readonly stopSignal: string;
  readonly files: ImageFiles;
  /** Returns the first tag that the image has now; undefined for none, and when it is no longer on the node. */
  currentTag(): string | undefined;
}

/** What a profile decides about the status of a container. */
export interface StatusRules {
  readonly reportsUser: boolean;
  readonly statusImage: "tag" | "tag and spec";
  readonly reportsStopSignal: boolean;
}

/** The parts of a {@link Container}. */
export interface ContainerInit {
  readonly id: string;
  readonly sandbox: Sandbox;
  readonly config: ContainerConfig;
  readonly image: ContainerImage;
  readonly driverContainer: DriverContainer;
  readonly process: ProcessSpec;
  readonly createdAt: bigint;
  /** An absolute path; "" for no log. */
  readonly logPath: string;
  readonly stopSignal: NodeJS.Signals;
  readonly statusRules: StatusRules;
}

const stateNames = ["CONTAINER_CREATED", "CONTAINER_RUNNING", "CONTAINER_EXITED"];

/** A container. Its state goes from CREATED to RUNNING to EXITED, never back. */
export class Container {
  readonly id: string;
  readonly sandbox: Sandbox;
  readonly config: ContainerConfig;
  readonly image: ContainerImage;
  readonly driverContainer: DriverContainer;
  readonly process: ProcessSpec;
  readonly createdAt: bigint;
  readonly logPath: string;
  readonly stopSignal: NodeJS.Signals;
  readonly #statusRules: StatusRules;
  /** `created_at` of its status; undefined for that of lists. */
  statusCreatedAt: bigint | undefined;
  /** The user of its processes, where the driver knows it. */
  user: DriverUser | undefined;
  state: ContainerState = ContainerState.CONTAINER_CREATED;
  startedAt = 0n;
  finishedAt = 0n;
  exitCode = 0;
  reason = "";
  message = "";
  resources: LinuxContainerResources | undefined;
  /** Fires when StopContainer was called: also the process of a container that was never started is gone then. */
  readonly stopped = new AbortController();
  /** Set from the start until the removal. */
  main: MainProcess | undefined;
  /** Set while the container is being started: a second start is refused, and a stop waits for the first. */
  starting: Promise<void> | undefined;
  /** Set while the container is being removed, so that concurrent removals share one. */
  removing: Promise<void> | undefined;

  constructor(init: ContainerInit) {
    this.id = init.id;
    this.sandbox = init.sandbox;
    this.config = init.config;
    this.image = init.image;
    this.driverContainer = init.driverContainer;
    this.process = init.process;
    this.createdAt = init.createdAt;
    this.logPath = init.logPath;
    this.stopSignal = init.stopSignal;
    this.#statusRules = init.statusRules;
    this.resources = init.config.linux?.resources;
  }

  /** Returns the name that is unique among all containers. */
  static nameOf(sandbox: Sandbox, { metadata }: ContainerConfig): string {
    return [metadata?.name, sandbox.id, metadata?.attempt].join("_");
  }

  get isRunning(): boolean {
    return this.state === ContainerState.CONTAINER_RUNNING;
  }

  /** The state's name in CRI, for error texts. */
  get stateName(): string {
    return stateNames[this.state] ?? "CONTAINER_UNKNOWN";
  }

  /** Converts the container to an item of ListContainers. */
  item(): ContainerItem {
    return create(ContainerSchema, {
      ...this.#common(),
      image: this.config.image ?? {},
      podSandboxId: this.sandbox.id,
    });
  }

  /** Converts the container to ContainerStatus. */
  status(): ContainerStatus {
    const { startedAt, finishedAt, exitCode, reason, message, config, logPath, resources } = this;
    return create(ContainerStatusSchema, {
      ...this.#common(),
      createdAt: this.statusCreatedAt ?? this.createdAt,
      ...{ startedAt, finishedAt, exitCode, reason, message, logPath },
      mounts: config.mounts,
      image: this.#statusImage(),
      stopSignal: this.#statusRules.reportsStopSignal
        ? signalNumber(this.stopSignal)
        : Signal.RUNTIME_DEFAULT,
      ...(resources ? { resources: { linux: resources } } : {}),
      ...this.#user(),
    });
  }

  #user() {
    const { user } = this;
    if (!user || !this.#statusRules.reportsUser) return {};
    const supplementalGroups = user.groups.map(BigInt);
    return { user: { linux: { uid: BigInt(user.uid), gid: BigInt(user.gid), supplementalGroups } } };
  }

  /** Names the image by a tag, whatever it was created by, because clients show this name. */
  #statusImage() {
    const spec = this.config.image;
    const tag = this.image.currentTag();
    if (tag === undefined) return spec ?? {};
    return this.#statusRules.statusImage === "tag" ? { image: tag } : { ...spec, image: tag };
  }

  #common() {
    const { id, config, state, createdAt, image } = this;
    const { metadata, labels, annotations } = config;
    return {
      ...{ id, state, createdAt, labels, annotations },
      imageRef: image.ref,
      imageId: image.id,
      ...(metadata ? { metadata } : {}),
    };
  }
}

/** Applies an update of resources: fields that the update leaves empty keep their values. */
export function mergeResources(
  current: LinuxContainerResources | undefined,
  update: LinuxContainerResources,
): LinuxContainerResources {
  const copy = clone(LinuxContainerResourcesSchema, update);
  if (!current) return copy;
  const set = Object.entries(copy).filter(([, value]) => isSet(value));
  return Object.assign(clone(LinuxContainerResourcesSchema, current), Object.fromEntries(set));
}

function isSet(value: unknown): boolean {
  if (typeof value === "object" && value !== null) return Object.keys(value).length > 0;
  return value !== 0n && value !== "" && value !== 0 && value !== false;
}
