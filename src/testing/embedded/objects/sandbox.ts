import { create } from "@bufbuild/protobuf";
import {
  type LinuxContainerResources,
  type PodSandbox,
  type PodSandboxConfig,
  PodSandboxSchema,
  PodSandboxState,
  type PodSandboxStatus,
  PodSandboxStatusSchema,
} from "../../../../gen/runtime/v1/api_pb.js";
import type { DriverPod } from "../driver.js";
import type { Traffic } from "../process/pump.js";
import type { Container } from "./container.js";

/** What a sandbox is made of. */
export interface SandboxInit {
  readonly id: string;
  readonly config: PodSandboxConfig;
  readonly runtimeHandler: string;
  readonly createdAt: bigint;
  readonly ip: string | undefined;
  readonly hostname: string;
}

/** A pod sandbox. READY until it is stopped. */
export class Sandbox {
  readonly id: string;
  readonly config: PodSandboxConfig;
  readonly runtimeHandler: string;
  readonly createdAt: bigint;
  readonly pod: DriverPod;
  readonly containers = new Set<Container>();
  state: PodSandboxState = PodSandboxState.SANDBOX_READY;
  /** What came in by port-forward, and went out. */
  readonly traffic: Traffic = { there: 0, back: 0 };
  /** What UpdatePodSandboxResources set last. */
  resources: LinuxContainerResources | undefined;
  overhead: LinuxContainerResources | undefined;
  /** Set while it is being removed, so that who asks again waits for the same end. */
  removing: Promise<void> | undefined;

  constructor({ id, config, runtimeHandler, createdAt, ip, hostname }: SandboxInit) {
    this.id = id;
    this.config = config;
    this.runtimeHandler = runtimeHandler;
    this.createdAt = createdAt;
    this.pod = { id, ip, hostname };
    this.resources = config.linux?.resources;
    this.overhead = config.linux?.overhead;
  }

  /** What no two sandboxes may have in common. */
  static nameOf({ metadata }: PodSandboxConfig): string {
    const { name, namespace, uid, attempt } = metadata ?? {};
    return [name, namespace, uid, attempt].join("_");
  }

  get ready(): boolean {
    return this.state === PodSandboxState.SANDBOX_READY;
  }

  /** As lists have it. */
  item(): PodSandbox {
    return create(PodSandboxSchema, this.#common());
  }

  /** As PodSandboxStatus and events have it. A pod on the host's network, and one that was stopped, has no address. */
  status(): PodSandboxStatus {
    const options = this.config.linux?.securityContext?.namespaceOptions ?? {};
    return create(PodSandboxStatusSchema, {
      ...this.#common(),
      network: { ip: this.ready ? (this.pod.ip ?? "") : "" },
      linux: { namespaces: { options } },
    });
  }

  #common() {
    const { id, config, state, createdAt, runtimeHandler } = this;
    const { metadata, labels, annotations } = config;
    return { id, state, createdAt, runtimeHandler, labels, annotations, ...(metadata ? { metadata } : {}) };
  }
}
