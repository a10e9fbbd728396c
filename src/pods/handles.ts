// The handles of pods and containers, which refer to each other. They wrap the functions of lifecycle/, which take and return data.
import type { PodSandboxConfig } from "../../gen/runtime/v1/api_pb.js";
import {
  checkArgument,
  checkCommand,
  checkTimeout,
  countdown,
  criError,
  jsonOf,
  OptionTable,
  option,
  withDeadline,
} from "../core/index.js";
import { type LogReader, type ReadLogsOptions, readLogsTable } from "../logs/index.js";
import type {
  AttachOptions,
  CopyFromOptions,
  CopyResult,
  CopySource,
  CopyToOptions,
  ExecOptions,
  ForwardOptions,
  KillableSession,
  RunCommandOptions,
  RunCommandResult,
} from "../sessions/index.js";
import { type ContainerUsage, containerStatsOf, containerUsage } from "../stats/index.js";
import type { AttachSession, ExecSession, ForwardedConnection, PortForward } from "../streaming/index.js";
import { type ContainerSpec, type ResourcesSpec, updatedResources } from "./config/index.js";
import { containerLogs } from "./container-logs.js";
import type { PodContext } from "./context.js";
import { type ContainerFacts, containerFactsOfItem, type PodFacts } from "./facts.js";
import {
  containerInPod,
  type InPodOptions,
  podExecTable,
  podLogsTable,
  podRunCommandTable,
  splitInPodOptions,
} from "./in-pod.js";
import {
  type CreateContainerOptions,
  createContainer,
  createContainerTable,
  runContainer,
} from "./lifecycle/create-container.js";
import {
  type ContainerOutcome,
  type EnsureContainerOptions,
  ensureContainer,
  ensureContainerTable,
} from "./lifecycle/ensure-container.js";
import { killContainer } from "./lifecycle/kill.js";
import {
  removeContainer,
  removePod,
  sandboxRemoval,
  stopContainer,
  stopPod,
} from "./lifecycle/stop-and-remove.js";
import {
  type ContainerWaitOptions,
  containerWaitTable,
  type PodCondition,
  type PodWaitOptions,
  podWaitTable,
  waitForContainer,
  waitForPod,
} from "./lifecycle/wait.js";
import { type ContainerListFilter, containerFilterTable, listContainers } from "./listing.js";
import {
  type LookUpOptions,
  lookUpTable,
  type OperationOptions,
  operationTable,
  type RemoveOptions,
  removeTable,
  type StopOptions,
  stopTable,
} from "./options.js";
import { ownerKeys } from "./ownership.js";
import type { KnownConfig, Sandbox } from "./sandbox.js";
import {
  type ContainerSnapshot,
  type ExitedContainer,
  getContainerSnapshot,
  getLogPath,
  getSandboxStatus,
  type PodSnapshot,
  podSnapshot,
  type RunningContainer,
} from "./status.js";

/** The deadline of a removal by `await using`, which takes no options. */
const disposeMs = 20_000;

/** The result of {@link Pod.ensureContainer}. */
export interface EnsuredContainer {
  /** The handle of the container. */
  readonly container: Container;
  /**
   * `adopted`: a container of the same spec is running, or exited and need not be recreated. `started`: one had been created and never
   * started. `created`: no container existed. `recreated`: one that differed or exited was removed, and the new one has the next attempt.
   */
  readonly outcome: ContainerOutcome;
}

const restartTable = new OptionTable<StopOptions & OperationOptions>({
  ...stopTable.checks,
  ...operationTable.checks,
});

/** The resources are specs, whose fields are checked as those of a spec. */
const podResourcesTable = new OptionTable<Parameters<Pod["updateResources"]>[0]>({
  resources: option.object,
  overhead: option.object,
});

/** The handle of a pod. `await using` kills and removes the pod within 20 seconds. `cri.pods` creates handles. */
export class Pod implements AsyncDisposable, PodFacts {
  /** The sandbox's id. */
  readonly id: string;
  /** PodSandboxMetadata.name. */
  readonly name: string;
  /** PodSandboxMetadata.namespace. */
  readonly namespace: string;
  /** PodSandboxMetadata.uid. */
  readonly uid: string;
  /** PodSandboxMetadata.attempt. */
  readonly attempt: number;
  /** PodSandboxStatus.labels. */
  readonly labels: Readonly<Record<string, string>>;
  /** PodSandboxStatus.annotations. */
  readonly annotations: Readonly<Record<string, string>>;
  /** PodSandboxStatus.created_at; undefined when the runtime does not report it. */
  readonly createdAt: Date | undefined;
  /** The runtime handler that the pod runs on; "" is the runtime's default. */
  readonly runtimeHandler: string;
  readonly #context: PodContext;
  readonly #sandbox: Sandbox;
  #ip: string | undefined;
  #ports: PortForward | undefined;

  /** Called by `cri.pods` and `cri.containers`. */
  constructor(context: PodContext, sandbox: Sandbox) {
    const { facts } = sandbox;
    this.#context = context;
    this.#sandbox = sandbox;
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
  }

  /** The pod's IP address as last reported: when it was run, or by `status()`. Undefined on the host network. */
  get ip(): string | undefined {
    return this.#ip;
  }

  /** The config of the sandbox, if it is known already; {@link Pod.adopt} fetches it. */
  get config(): PodSandboxConfig | undefined {
    return this.#sandbox.known?.config;
  }

  /** Returns the current status. Rejects with `object_missing` for a pod that was removed. */
  async status(options?: OperationOptions): Promise<PodSnapshot> {
    operationTable.check("pod.status", options);
    const snapshot = podSnapshot(await getSandboxStatus(this.#context, this.id, options));
    this.#ip = snapshot.ip ?? this.#ip;
    return snapshot;
  }

  /**
   * Returns the config of the sandbox and its source. Asks the runtime if this client did not create the pod: containerd reports the
   * config; on CRI-O it is reconstructed from the status, and `missing` lists the fields that the runtime does not report.
   */
  async adopt(options?: LookUpOptions): Promise<KnownConfig> {
    lookUpTable.check("pod.adopt", options);
    return this.#sandbox.adopt(options);
  }

  /**
   * Creates a container without starting it. Pulls its image first if `pullPolicy` requires it. Rolls back when a step fails.
   *
   * Rejects with {@link CriError}: `invalid_spec`; `image_missing` and other errors of pulling; `name_reserved` when a container
   * of this name and attempt exists; `config_unknown` for a pod of another client whose config the runtime does not report.
   */
  async createContainer(spec: ContainerSpec, options?: CreateContainerOptions): Promise<Container> {
    createContainerTable.check("pod.createContainer", options);
    return this.#handleOf(await createContainer(this.#context, this.#sandbox, spec, options));
  }

  /**
   * Creates a container and starts it. Removes it again when it cannot be started. Rejects as {@link Pod.createContainer} and
   * {@link Container.start} do.
   */
  async runContainer(spec: ContainerSpec, options?: CreateContainerOptions): Promise<Container> {
    createContainerTable.check("pod.runContainer", options);
    return this.#handleOf(await runContainer(this.#context, this.#sandbox, spec, options));
  }

  /**
   * Ensures that a container with this spec is running. Idempotent: safe to repeat after a crash or a deadline. Adopts a running
   * container of the same spec; replaces one that differs or exited by the next attempt.
   *
   * Rejects as {@link Pod.runContainer} does, with `name_reserved` when the container belongs to another owner. The default of
   * `timeoutMs` is six minutes.
   */
  async ensureContainer(spec: ContainerSpec, options?: EnsureContainerOptions): Promise<EnsuredContainer> {
    ensureContainerTable.check("pod.ensureContainer", options);
    const { facts, outcome } = await ensureContainer(this.#context, this.#sandbox, spec, options);
    return { container: this.#handleOf(facts), outcome };
  }

  /** Lists the pod's containers, the newest first. */
  async containers(filter: ContainerListFilter = {}, options?: LookUpOptions): Promise<Container[]> {
    containerFilterTable.check("pod.containers", filter);
    lookUpTable.check("pod.containers", options);
    const podFilter = { ...filter, podSandboxId: this.id };
    const found = await listContainers(this.#context, podFilter, options);
    return found.map((item) => this.#handleOf(containerFactsOfItem(item)));
  }

  /** Stops all containers at once, each with the whole grace period, and then the sandbox. Succeeds for a stopped or removed pod. */
  async stop(options?: StopOptions): Promise<void> {
    stopTable.check("pod.stop", options);
    await this.#ports?.close();
    await stopPod(this.#context, this.id, options);
  }

  /**
   * Kills the pod's containers and removes the pod with them, its logs and its cgroup. Succeeds for a removed pod. Of a pod that this
   * package did not create, removes only what the runtime has.
   */
  async remove(options?: RemoveOptions): Promise<void> {
    removeTable.check("pod.remove", options);
    await this.#ports?.close();
    const removal = sandboxRemoval(this.#context.logRoot, this.#sandbox);
    await removePod(this.#context, removal, options);
  }

  /**
   * Waits for a condition. `ready`: the pod has its address, and all its containers are running. `exited`: it has containers, and all
   * exited. `stopped`: its sandbox is not ready, or was removed.
   *
   * Rejects with `deadline`, `aborted_by_caller`, `object_missing`, and with `wrong_state` when a stopped pod should become ready.
   */
  wait(options: PodWaitOptions & { readonly until: Exclude<PodCondition, "stopped"> }): Promise<PodSnapshot>;
  wait(options: PodWaitOptions & { readonly until: PodCondition }): Promise<PodSnapshot | undefined>;
  async wait(options: PodWaitOptions & { readonly until: PodCondition }): Promise<PodSnapshot | undefined> {
    podWaitTable.check("pod.wait", options);
    const { until, ...bounds } = options;
    return waitForPod(this.#context, this.id, until, bounds);
  }

  /** Updates the resources of the pod as a whole. Rejects with `unimplemented` on containerd up to 2.1. */
  async updateResources(
    changes: {
      readonly resources?: ResourcesSpec | undefined;
      readonly overhead?: ResourcesSpec | undefined;
    },
    options?: OperationOptions,
  ): Promise<void> {
    checkArgument("pod.updateResources", "changes", changes, option.object);
    podResourcesTable.check("pod.updateResources", changes);
    operationTable.check("pod.updateResources", options);
    const { resources, overhead } = changes;
    const request = {
      podSandboxId: this.id,
      ...(resources ? { resources: updatedResources(resources, "resources") } : {}),
      ...(overhead ? { overhead: updatedResources(overhead, "overhead") } : {}),
    };
    await this.#context.runtime.updatePodSandboxResources(request, options);
  }

  /** Runs a command in a container of the pod and returns its streams, as `cri.exec` does. */
  exec(
    command: readonly string[],
    options: InPodOptions & ExecOptions & { readonly killOnClose: true },
  ): Promise<KillableSession>;
  exec(command: readonly string[], options?: InPodOptions & ExecOptions): Promise<ExecSession>;
  async exec(command: readonly string[], options?: InPodOptions & ExecOptions): Promise<ExecSession> {
    checkCommand("pod.exec", command);
    const [id, rest] = await this.#inContainer("pod.exec", podExecTable, options);
    return this.#context.sessions.exec(id, command, rest);
  }

  /** Runs a command in a container of the pod to its end and returns its exit code and output, as `cri.runCommand` does. */
  runCommand(
    command: readonly string[],
    options: InPodOptions & RunCommandOptions & { readonly encoding: "buffer" },
  ): Promise<RunCommandResult<Buffer>>;
  runCommand(
    command: readonly string[],
    options?: InPodOptions & RunCommandOptions & { readonly encoding?: "utf8" | undefined },
  ): Promise<RunCommandResult>;
  async runCommand(
    command: readonly string[],
    options?: InPodOptions & RunCommandOptions,
  ): Promise<RunCommandResult<string | Buffer>> {
    checkCommand("pod.runCommand", command);
    const [id, rest] = await this.#inContainer("pod.runCommand", podRunCommandTable, options);
    return this.#context.sessions.runCommand(id, command, rest);
  }

  /** Reads the log of a container of the pod, as {@link Container.logs} does. */
  logs(options?: InPodOptions & ReadLogsOptions): LogReader {
    const { container, rest } = splitInPodOptions("pod.logs", podLogsTable, options);
    let id: Promise<string> | undefined;
    // Found once: the log of another container would not continue this one.
    const find = (signal: AbortSignal) => {
      id ??= containerInPod(this.#context, this, { operation: "pod.logs", container, signal });
      return id;
    };
    return containerLogs(this.#context.runtime, find, rest);
  }

  /** Access to the pod's ports, shared by all calls. `stop()` and `remove()` close it. */
  get ports(): PortForward {
    this.#ports ??= this.#context.sessions.portForward(this.id);
    return this.#ports;
  }

  /** Returns access to the pod's ports with other options. The caller closes it. */
  portForward(options?: ForwardOptions): PortForward {
    return this.#context.sessions.portForward(this.id, options);
  }

  /**
   * Sends an HTTP request to a port of the pod, without a local port. Does not follow redirects. `portWaitMs` waits for a process that
   * listens on the port; without it, a port on which no process listens yet is `port_refused`.
   */
  fetch(
    port: number,
    path: string,
    init?: RequestInit & Pick<ForwardOptions, "portWaitMs">,
  ): Promise<Response> {
    return this.ports.fetch(port, path, init);
  }

  /**
   * Connects to a port of the pod. The connection emits `error` with reason `port_refused` when no process listens on the port;
   * `portWaitMs` waits for one.
   */
  connect(
    port: number,
    options?: Pick<ForwardOptions, "signal" | "timeoutMs" | "portWaitMs">,
  ): Promise<ForwardedConnection> {
    return this.ports.connect(port, options);
  }

  /** Kills the containers and removes the pod, within 20 seconds. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.remove({ timeoutMs: disposeMs });
  }

  /** Finds the container of a command, within the deadline of the command. Returns its id and the other options. */
  async #inContainer<O extends InPodOptions & LookUpOptions>(
    operation: string,
    table: OptionTable<O>,
    options: O | undefined,
  ): Promise<[string, Omit<O, "container">]> {
    const { container, rest } = splitInPodOptions(operation, table, options);
    const { signal, timeoutMs } = options ?? {};
    const left = countdown(checkTimeout(timeoutMs));
    const call = { operation, container, signal, timeoutMs: left() };
    const id = await containerInPod(this.#context, this, call);
    return [id, { ...rest, timeoutMs: left() }];
  }

  #handleOf(facts: ContainerFacts): Container {
    return new Container(this.#context, this, this.#sandbox, facts);
  }
}

/** The handle of a container. `await using` kills and removes the container within 20 seconds. {@link Pod} and `cri.containers` create handles. */
export class Container implements AsyncDisposable {
  /** The pod of the container. */
  readonly pod: Pod;
  /** The whole id. */
  readonly id: string;
  /** ContainerMetadata.name. */
  readonly name: string;
  /** ContainerMetadata.attempt. */
  readonly attempt: number;
  /** The image as the creator specified it: ImageSpec.user_specified_image, otherwise the runtime's name of it. */
  readonly image: string;
  /** ContainerStatus.labels. */
  readonly labels: Readonly<Record<string, string>>;
  /** ContainerStatus.annotations. */
  readonly annotations: Readonly<Record<string, string>>;
  /** The spec; undefined for a container that this client did not create. */
  readonly spec: ContainerSpec | undefined;
  readonly #context: PodContext;
  readonly #sandbox: Sandbox;
  #logPath: string | undefined;

  /** Called by {@link Pod} and `cri.containers`. */
  constructor(context: PodContext, pod: Pod, sandbox: Sandbox, facts: ContainerFacts) {
    this.#context = context;
    this.#sandbox = sandbox;
    this.pod = pod;
    this.id = facts.id;
    this.name = facts.name;
    this.attempt = facts.attempt;
    this.image = facts.image;
    this.labels = facts.labels;
    this.annotations = facts.annotations;
    this.spec = facts.spec;
    this.#logPath = facts.logPath;
  }

  /**
   * Starts the container. Rejects with `wrong_state` when it was started before, and with `exec_not_started` when its command cannot be
   * run.
   */
  async start(options: OperationOptions = {}): Promise<void> {
    operationTable.check("container.start", options);
    await this.#context.runtime.startContainer({ containerId: this.id }, options);
  }

  /** Sends the stop signal, and SIGKILL after the grace period. Succeeds for a container that exited or was removed. */
  async stop(options?: StopOptions): Promise<void> {
    stopTable.check("container.stop", options);
    return stopContainer(this.#context, this.id, options);
  }

  /**
   * Sends a signal to the main process. SIGKILL goes through the runtime, as StopContainer without a grace period. Other signals go to
   * the process itself, which requires the rights to signal it on the runtime's host.
   *
   * Rejects with `invalid_option` for an unknown signal, `object_missing`, and for signals other than SIGKILL with `wrong_state` for a
   * container that is not running, and with `signal_not_sent`.
   * @default "SIGKILL"
   */
  async kill(signal: NodeJS.Signals = "SIGKILL", options?: LookUpOptions): Promise<void> {
    lookUpTable.check("container.kill", options);
    await killContainer(this.#context, this.id, signal, options);
  }

  /** Removes the container, running or not, with its logs. Succeeds for a removed container. */
  async remove(options: RemoveOptions = {}): Promise<void> {
    removeTable.check("container.remove", options);
    const { keepLogs } = options;
    await withDeadline(
      options,
      async (signal) => {
        const logPath = keepLogs ? undefined : await this.#getLogPath({ signal });
        await removeContainer(this.#context, this.id, logPath, { keepLogs, signal });
      },
      this.#context.closing,
    );
  }

  /**
   * Stops the container, creates and starts a new one with the same spec and the next attempt, and removes the old one except for its
   * log. Returns the new one, since CRI never starts a container twice. Rejects with `config_unknown` for a container that this client
   * did not create.
   */
  async restart(options: StopOptions & OperationOptions = {}): Promise<Container> {
    restartTable.check("container.restart", options);
    if (!this.spec)
      throw criError(
        "config_unknown",
        `the spec of container ${this.id.slice(0, 13)} is unknown: it was not created by this client`,
        { hint: "Create a new container with pod.runContainer(spec)" },
      );
    const spec = { ...this.spec, attempt: this.attempt + 1 };
    // Keeps the hash, so that `ensureContainer` can adopt the new container.
    const hash = this.annotations[ownerKeys.hash];
    const annotations = hash === undefined ? undefined : { [ownerKeys.hash]: hash };
    const { gracePeriodMs } = options;
    return withDeadline(
      options,
      async (signal) => {
        await stopContainer(this.#context, this.id, { gracePeriodMs, signal });
        const next = await runContainer(this.#context, this.#sandbox, spec, { signal }, annotations);
        await this.remove({ signal, keepLogs: true });
        return new Container(this.#context, this.pod, this.#sandbox, next);
      },
      this.#context.closing,
    );
  }

  /** Returns the current status, a union by `state`. Rejects with `object_missing` for a removed container. */
  async status(options?: LookUpOptions): Promise<ContainerSnapshot> {
    lookUpTable.check("container.status", options);
    return getContainerSnapshot(this.#context, this.id, options);
  }

  /**
   * Waits until the container exited, or until the condition `until` holds. Checks at once and at each event of the container; polls
   * where the runtime has no events.
   *
   * Rejects with `deadline`, `aborted_by_caller`, `object_missing` when the container is removed, and with `wrong_state` when it exited
   * and should be running.
   */
  wait(options?: ContainerWaitOptions & { readonly until?: "exited" | undefined }): Promise<ExitedContainer>;
  wait(options: ContainerWaitOptions & { readonly until: "running" }): Promise<RunningContainer>;
  wait(options: ContainerWaitOptions): Promise<ContainerSnapshot>;
  async wait(options: ContainerWaitOptions = {}): Promise<ContainerSnapshot> {
    containerWaitTable.check("container.wait", options);
    return waitForContainer(this.#context, this.id, options);
  }

  /** Runs a command and returns its streams, as `cri.exec` does. */
  exec(
    command: readonly string[],
    options: ExecOptions & { readonly killOnClose: true },
  ): Promise<KillableSession>;
  exec(command: readonly string[], options?: ExecOptions): Promise<ExecSession>;
  exec(command: readonly string[], options?: ExecOptions): Promise<ExecSession> {
    return this.#context.sessions.exec(this.id, command, options);
  }

  /** Runs a command to its end and returns its exit code and output, as `cri.runCommand` does. */
  runCommand(
    command: readonly string[],
    options: RunCommandOptions & { readonly encoding: "buffer" },
  ): Promise<RunCommandResult<Buffer>>;
  runCommand(
    command: readonly string[],
    options?: RunCommandOptions & { readonly encoding?: "utf8" | undefined },
  ): Promise<RunCommandResult>;
  runCommand(
    command: readonly string[],
    options?: RunCommandOptions,
  ): Promise<RunCommandResult<string | Buffer>> {
    return this.#context.sessions.runCommand(this.id, command, options);
  }

  /** Attaches to the main process, as `cri.attach` does. */
  attach(options?: AttachOptions): Promise<AttachSession> {
    return this.#context.sessions.attach(this.id, options);
  }

  /** Copies a file, a directory or given contents into the container, as `cri.copyTo` does. */
  copyTo(source: CopySource, target: string, options?: CopyToOptions): Promise<CopyResult> {
    return this.#context.sessions.copyTo(this.id, source, target, options);
  }

  /** Copies a file or a directory out of the container, as `cri.copyFrom` does. */
  copyFrom(source: string, target: string, options?: CopyFromOptions): Promise<CopyResult> {
    return this.#context.sessions.copyFrom(this.id, source, target, options);
  }

  /**
   * Reads the container's log from its file on this host. With `follow`, until the container exited and all of the log was read.
   *
   * The reader rejects with `log_missing` when the container has no log, or one on another host.
   */
  logs(options?: ReadLogsOptions): LogReader {
    readLogsTable.check("container.logs", options);
    return containerLogs(this.#context.runtime, this.id, options, (signal) => this.#getLogPath({ signal }));
  }

  /** Returns the current usage: ContainerStats. Rejects with `wrong_state` where the runtime has none for a stopped container. */
  async stats(options?: OperationOptions): Promise<ContainerUsage> {
    operationTable.check("container.stats", options);
    const { id: podId, name: podName, namespace: podNamespace, uid: podUid } = this.pod;
    const origin = { podId, podName, podNamespace, podUid, createdAt: undefined };
    return containerUsage(await containerStatsOf(this.#context, this.id, options), origin);
  }

  /** Updates the resources of the running container. Fields that are not set stay unchanged. */
  async update(resources: ResourcesSpec, options?: OperationOptions): Promise<void> {
    if (resources === undefined) checkArgument("container.update", "resources", resources, option.object);
    operationTable.check("container.update", options);
    const linux = updatedResources(resources, "resources");
    await this.#context.runtime.updateContainerResources({ containerId: this.id, linux }, options);
  }

  /** Returns the metadata of the container and of its pod, and the spec, as plain data. */
  toJSON(): Readonly<Record<string, unknown>> {
    return jsonOf(this);
  }

  /** Removes the container, within 20 seconds. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.remove({ timeoutMs: disposeMs });
  }

  /** Returns the log path; asks the runtime once. "" for a container that has no log or was removed. */
  async #getLogPath(options: LookUpOptions): Promise<string> {
    this.#logPath ??= await getLogPath(this.#context, this.id, options);
    return this.#logPath;
  }
}
