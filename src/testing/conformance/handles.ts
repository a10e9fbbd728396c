import {
  ContainerState,
  type ContainerStatus,
  type PodSandboxStatus,
} from "../../../gen/runtime/v1/api_pb.js";
import type {
  ConformanceContainer,
  ConformanceContext,
  ConformancePod,
  ContainerOptions,
  PodConfig,
} from "./context.js";
import { type LogLine, readLog } from "./log-file.js";

/** A pod as one case sees it. */
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
    if (!status) throw new Error("PodSandboxStatus answered without a status");
    return status;
  }

  async create(command: readonly string[], options: ContainerOptions = {}): Promise<ConformanceContainer> {
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
    const logPath = `${name}-${options.metadata?.attempt ?? 0}.log`;
    const config = {
      image: { image: main, userSpecifiedImage: main },
      command: [...command],
      logPath,
      linux: { securityContext: { namespaceOptions: this.config.linux.securityContext.namespaceOptions } },
      ...options,
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
    await this.#context.runtime.stopContainer({ containerId: this.id, timeout: BigInt(graceSeconds) });
  }

  async status(): Promise<ContainerStatus> {
    const { status } = await this.#context.runtime.containerStatus({ containerId: this.id });
    if (!status) throw new Error("ContainerStatus answered without a status");
    return status;
  }

  reaches(state: ContainerState): Promise<ContainerStatus> {
    return this.#context.eventually(`the container is ${stateName(state)}`, async () => {
      const status = await this.status();
      return status.state === state && status;
    });
  }

  exited(): Promise<ContainerStatus> {
    return this.reaches(ContainerState.CONTAINER_EXITED);
  }

  log(what: string, holds: (lines: readonly LogLine[]) => boolean): Promise<LogLine[]> {
    return this.#context.eventually(`the log has ${what}`, async () => {
      const lines = await readLog(this.logPath);
      return holds(lines) && lines;
    });
  }
}

function stateName(state: ContainerState): string {
  const [name = `${state}`] = Object.entries(ContainerState).find(([, value]) => value === state) ?? [];
  return name;
}
