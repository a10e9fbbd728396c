import type { PodSandboxConfig } from "../../gen/runtime/v1/api_pb.js";
import { bounded, CriError } from "../core/index.js";
import type { ForwardOptions } from "../sessions/index.js";
import type { ForwardedConnection, PortForward } from "../streaming/index.js";
import { adoptConfig, type KnownConfig } from "./adopt.js";
import type { ContainerSpec, ResourcesSpec } from "./config/index.js";
import type { Container } from "./container.js";
import { type ContainerFilter, foundContainer, listContainers } from "./find-containers.js";
import type { PodKit } from "./kit.js";
import { type CreateContainerOptions, createContainer, runContainer } from "./life/create-container.js";
import {
  type EnsureContainerOptions,
  type EnsuredContainer,
  ensureContainer,
} from "./life/ensure-container.js";
import { lookAtSandbox } from "./life/look.js";
import { foundGoingPod } from "./life/own-things.js";
import { goingPod, type RemoveOptions, removePod } from "./life/remove.js";
import type { StepsOptions } from "./life/run-pod.js";
import { type StopOptions, stopPod } from "./life/stop.js";
import type { WaitOptions } from "./life/wait.js";
import { type PodCondition, waitForPod } from "./life/wait-for-pod.js";
import { ownerKeys } from "./owner.js";
import type { PodFacts } from "./pod-facts.js";
import { type PodSnapshot, podSnapshot } from "./snapshots.js";
import { updatedResources } from "./updated-resources.js";

/** A sandbox with its config. `await using` stops and removes it. Made by `cri.pods`. */
export class Pod implements AsyncDisposable, PodFacts {
  readonly id: string;
  /** PodSandboxMetadata.name. */
  readonly name: string;
  /** PodSandboxMetadata.namespace. */
  readonly namespace: string;
  /** PodSandboxMetadata.uid. */
  readonly uid: string;
  /** PodSandboxMetadata.attempt. */
  readonly attempt: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly createdAt: Date | undefined;
  /** The runtime handler it runs on; "" is the default one. */
  readonly runtimeHandler: string;
  readonly #kit: PodKit;
  #ip: string | undefined;
  #known: KnownConfig | undefined;
  #ports: PortForward | undefined;

  /** @internal */
  constructor(kit: PodKit, facts: PodFacts, known?: KnownConfig) {
    this.#kit = kit;
    this.id = facts.id;
    this.name = facts.name;
    this.namespace = facts.namespace;
    this.uid = facts.uid;
    this.attempt = facts.attempt;
    this.labels = facts.labels;
    this.annotations = facts.annotations;
    this.createdAt = facts.createdAt;
    this.runtimeHandler = facts.runtimeHandler;
    this.#ip = facts.ip;
    this.#known = known;
  }

  /** Its address as it was last seen: when it was run, or by `status()`. Undefined with the host's network. */
  get ip(): string | undefined {
    return this.#ip;
  }

  /** The config it was made with, as far as it is known by now; {@link Pod.adopt} asks for it. */
  get config(): PodSandboxConfig | undefined {
    return this.#known?.config;
  }

  /** How it is now. Rejects with `object_missing` when it is gone. */
  async status(options?: StepsOptions): Promise<PodSnapshot> {
    const snapshot = podSnapshot(await lookAtSandbox(this.#kit, this.id, options));
    this.#ip = snapshot.ip ?? this.#ip;
    return snapshot;
  }

  /**
   * The config it was made with, and how it is known. For a pod that was not made here the runtime is asked: containerd keeps
   * it, for CRI-O it is put together from the status, and `missing` lists the fields that nobody tells.
   */
  async adopt(options?: Pick<StepsOptions, "signal">): Promise<KnownConfig> {
    this.#known ??= await adoptConfig(this.#kit, this.id, options?.signal);
    return this.#known;
  }

  /** @internal The sandbox config that CreateContainer needs. */
  async configForContainers({
    signal,
    allowPartialConfig,
  }: CreateContainerOptions): Promise<PodSandboxConfig> {
    const { config, missing } = await this.adopt({ signal });
    if (missing.length === 0 || allowPartialConfig) return config;
    throw new CriError({
      code: "failed_precondition",
      reason: "config_unknown",
      text: `the config of the pod ${this.namespace}/${this.name} is known in part only; nobody tells ${missing.join(", ")}`,
      hint: "Say allowPartialConfig: true to create the container without them",
      endpoint: this.#kit.endpoint,
    });
  }

  /**
   * Creates a container and does not start it. Its image is pulled first if its `pullPolicy` says so. When a step fails,
   * what was done is undone.
   *
   * Rejects with {@link CriError}: `invalid_spec`; `image_missing` and what pulling fails with; `name_reserved` for a container
   * of this name and attempt; `config_unknown` for a pod of another's whose config nobody tells.
   */
  createContainer(spec: ContainerSpec, options?: CreateContainerOptions): Promise<Container> {
    return createContainer(this.#kit, this, spec, options);
  }

  /** The same, and starts it. A container that cannot be started is removed again. Rejects also as {@link Container.start}. */
  runContainer(spec: ContainerSpec, options?: CreateContainerOptions): Promise<Container> {
    return runContainer(this.#kit, this, spec, options);
  }

  /** @internal The same, with the annotations that say how long it lives. */
  runAgain(
    spec: ContainerSpec,
    options: CreateContainerOptions,
    annotations: Readonly<Record<string, string>> | undefined,
  ): Promise<Container> {
    return runContainer(this.#kit, this, spec, options, annotations);
  }

  /**
   * Sees to it that a container of this spec runs, whatever earlier calls left: one that runs and was made from the same spec
   * is adopted, one that differs or has ended is replaced by the next attempt. Safe to repeat after a crash or a deadline.
   */
  ensureContainer(spec: ContainerSpec, options?: EnsureContainerOptions): Promise<EnsuredContainer> {
    return ensureContainer(this.#kit, this, spec, options);
  }

  /** Its containers, the newest first. */
  async containers(
    filter: ContainerFilter = {},
    options?: Pick<StepsOptions, "signal">,
  ): Promise<Container[]> {
    const found = await listContainers(this.#kit, filter, this.id, options?.signal);
    return found.map((container) => foundContainer(this.#kit, this, container));
  }

  /** Stops all its containers at once, each with the grace period, and then the sandbox. Succeeds when it is stopped or gone. */
  async stop(options?: StopOptions): Promise<void> {
    await this.#ports?.close();
    await stopPod(this.#kit, this.id, options);
  }

  /** Kills what runs in it and removes it with its containers, its logs and its cgroup. Succeeds when it is gone. */
  async remove(options?: RemoveOptions): Promise<void> {
    await this.#ports?.close();
    // Of a pod that somebody else made, only what the runtime has is removed.
    const ours =
      this.#known?.from === "spec" || (this.#known?.from === "runtime" && ownerKeys.owner in this.labels);
    const going =
      this.#known && ours ? goingPod(this.id, this.#known.config) : foundGoingPod(this.#kit, this);
    await bounded({ signal: options?.signal }, (signal) =>
      removePod(this.#kit.runtime, going, { ...options, signal }),
    );
  }

  /**
   * Waits until it is `ready`: it has its address, and its containers run; until all its containers have `exited`; or until it
   * is `stopped` or gone. Rejects with `deadline`, `aborted_by_caller`, `object_missing`, and with `wrong_state` for a sandbox
   * that was stopped and should be ready.
   */
  wait(options: WaitOptions & { readonly until: Exclude<PodCondition, "stopped"> }): Promise<PodSnapshot>;
  wait(options: WaitOptions & { readonly until: PodCondition }): Promise<PodSnapshot | undefined>;
  wait({
    until,
    ...options
  }: WaitOptions & { readonly until: PodCondition }): Promise<PodSnapshot | undefined> {
    return waitForPod(this.#kit, this.id, until, options);
  }

  /** Changes what its containers may use together. No containerd up to 2.1 has this RPC: `unimplemented`. */
  async updateResources(
    {
      resources,
      overhead,
    }: { readonly resources?: ResourcesSpec | undefined; readonly overhead?: ResourcesSpec | undefined },
    options?: StepsOptions,
  ): Promise<void> {
    const request = {
      podSandboxId: this.id,
      ...(resources ? { resources: updatedResources(resources, "resources") } : {}),
      ...(overhead ? { overhead: updatedResources(overhead, "overhead") } : {}),
    };
    await this.#kit.runtime.updatePodSandboxResources(request, options);
  }

  /** Its ports, reached from here: one for all calls. Ends with the pod's `stop()` and `remove()`. */
  get ports(): PortForward {
    this.#ports ??= this.#kit.sessions.portForward(this.id);
    return this.#ports;
  }

  /** Its ports, reached with options of your own; close it yourself. */
  portForward(options?: ForwardOptions): PortForward {
    return this.#kit.sessions.portForward(this.id, options);
  }

  /** An HTTP request to one of its ports, without a local port. Redirects are not followed. */
  fetch(port: number, path: string, init?: RequestInit): Promise<Response> {
    return this.ports.fetch(port, path, init);
  }

  /** A connection to one of its ports, as a duplex stream. That nobody listens is told by its `error` event. */
  connect(port: number, options?: StepsOptions): Promise<ForwardedConnection> {
    return this.ports.connect(port, options);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.remove();
  }
}
