import { create } from "@bufbuild/protobuf";
import {
  ContainerState,
  type ContainerStatus,
  LinuxContainerConfigSchema,
  LinuxContainerSecurityContextSchema,
  NamespaceOptionSchema,
  type PodSandboxStatus,
} from "../../../gen/runtime/v1/api_pb.js";
import { checkArgument, checkCommand, option } from "../../core/index.js";
import type {
  ConformanceContainer,
  ConformanceContext,
  ConformancePod,
  ContainerOptions,
  PodConfig,
} from "./context.js";
import { type ConformanceLogLine, readLog } from "./log-file.js";

/** A pod in the context of one case. */
export class PodHandle implements ConformancePod {
  readonly id: string;
  readonly config: PodConfig;
  readonly #context: ConformanceContext;
  readonly #caseLabels: Readonly<Record<string, string>>;

  constructor(
    context: ConformanceContext,
    caseLabels: Readonly<Record<string, string>>,
    id: string,
    config: PodConfig,
  ) {
    this.#context = context;
    this.#caseLabels = caseLabels;
    this.id = id;
    this.config = config;
  }

  async status(): Promise<PodSandboxStatus> {
    const { status } = await this.#context.runtime.podSandboxStatus({ podSandboxId: this.id });
    if (!status) throw new Error("PodSandboxStatus: the response contains no status");
    return status;
  }

  async create(command: readonly string[], options: ContainerOptions = {}): Promise<ConformanceContainer> {
    checkCommand("ConformancePod.create", command);
    const name = options.metadata?.name ?? this.#context.name();
    const labels = {
      "io.kubernetes.pod.uid": this.config.metadata.uid,
      "io.kubernetes.pod.name": this.config.metadata.name,
      "io.kubernetes.pod.namespace": this.config.metadata.namespace,
      "io.kubernetes.container.name": name,
      ...options.labels,
      ...this.#caseLabels,
    };
    const { main } = this.#context.images;
    const linux = create(LinuxContainerConfigSchema, options.linux ?? {});
    linux.securityContext ??= create(LinuxContainerSecurityContextSchema);
    // CRI-O refuses a container without the namespaces of its pod.
    linux.securityContext.namespaceOptions ??= create(
      NamespaceOptionSchema,
      this.config.linux.securityContext.namespaceOptions,
    );
    const logPath = `${name}-${options.metadata?.attempt ?? 0}.log`;
    const config = {
      image: { image: main, userSpecifiedImage: main },
      command: [...command],
      logPath,
      ...options,
      linux,
      metadata: { name, attempt: 0, ...options.metadata },
      labels,
    };
    const { containerId } = await this.#context.runtime.createContainer({
      podSandboxId: this.id,
      config,
      sandboxConfig: this.config,
    });
    const log = `${this.config.logDirectory}/${config.logPath}`;
    return new ContainerHandle(this.#context, this.id, containerId, name, labels, log);
  }

  async start(command: readonly string[], options?: ContainerOptions): Promise<ConformanceContainer> {
    const container = await this.create(command, options);
    await container.start();
    return container;
  }
}

class ContainerHandle implements ConformanceContainer {
  readonly id: string;
  readonly podId: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly logPath: string;
  readonly #context: ConformanceContext;

  constructor(
    context: ConformanceContext,
    podId: string,
    id: string,
    name: string,
    labels: Readonly<Record<string, string>>,
    logPath: string,
  ) {
    this.#context = context;
    this.podId = podId;
    this.id = id;
    this.name = name;
    this.labels = labels;
    this.logPath = logPath;
  }

  async start(): Promise<void> {
    await this.#context.runtime.startContainer({ containerId: this.id });
  }

  async stop(graceSeconds = 0): Promise<void> {
    checkArgument("ConformanceContainer.stop", "graceSeconds", graceSeconds, option.wholeNumber(0));
    await this.#context.runtime.stopContainer({ containerId: this.id, timeout: BigInt(graceSeconds) });
  }

  async remove(): Promise<void> {
    await this.stop();
    await this.#context.runtime.removeContainer({ containerId: this.id });
  }

  async status(): Promise<ContainerStatus> {
    const { status } = await this.#context.runtime.containerStatus({ containerId: this.id });
    if (!status) throw new Error("ContainerStatus: the response contains no status");
    return status;
  }

  async reaches(state: ContainerState): Promise<ContainerStatus> {
    const states = option.wholeNumber(0, ContainerState.CONTAINER_UNKNOWN);
    checkArgument("ConformanceContainer.reaches", "state", state, states);
    return this.#context.eventually(`the container is ${stateName(state)}`, async () => {
      const status = await this.status();
      return status.state === state && status;
    });
  }

  exited(): Promise<ContainerStatus> {
    return this.reaches(ContainerState.CONTAINER_EXITED);
  }

  async log(
    what: string,
    matches: (lines: readonly ConformanceLogLine[]) => boolean,
  ): Promise<ConformanceLogLine[]> {
    checkArgument("ConformanceContainer.log", "what", what, option.string);
    checkArgument("ConformanceContainer.log", "matches", matches, option.callback);
    return this.#context.eventually(`the log has ${what}`, async () => {
      const lines = await readLog(this.logPath);
      return matches(lines) && lines;
    });
  }
}

function stateName(state: ContainerState): string {
  const [name = `${state}`] = Object.entries(ContainerState).find(([, value]) => value === state) ?? [];
  return name;
}
