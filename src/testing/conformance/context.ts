import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type {
  ContainerConfig,
  ContainerConfigSchema,
  ContainerState,
  ContainerStatus,
  NamespaceMode,
  PodSandboxStatus,
} from "../../../gen/runtime/v1/api_pb.js";
import type { Cri } from "../../cri.js";
import type { AttachSession, ExecSession, SessionOptions } from "../../streaming/index.js";
import type { LogLine } from "./log-file.js";
import type { ConformanceCommands, ConformanceImages, ConformanceTarget } from "./target.js";

/** What a case may ask of a sandbox's config; all the rest is filled in. */
export interface PodOptions {
  readonly name?: string | undefined;
  readonly namespace?: string | undefined;
  readonly uid?: string | undefined;
  readonly attempt?: number | undefined;
  /** Beside those that every pod of the suite has. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly hostNetwork?: boolean | undefined;
}

/** A sandbox's config, as the kubelet would write it. */
export interface PodConfig {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly namespace: string;
    readonly attempt: number;
  };
  readonly logDirectory: string;
  readonly labels: Record<string, string>;
  readonly annotations: Record<string, string>;
  readonly linux: {
    readonly cgroupParent?: string;
    readonly securityContext: {
      readonly namespaceOptions: {
        readonly network: NamespaceMode;
        readonly pid: NamespaceMode;
        readonly ipc: NamespaceMode;
      };
    };
  };
}

/** What a case may ask of a container's config; `labels` come beside those that every container of the suite has. */
export type ContainerOptions = Exclude<MessageInitShape<typeof ContainerConfigSchema>, ContainerConfig>;

/** A pod that is removed at the end of its case, with all that is in it. */
export interface ConformancePod {
  readonly id: string;
  readonly config: PodConfig;
  status(): Promise<PodSandboxStatus>;
  /** Creates a container with this command, and does not start it. */
  create(command: readonly string[], options?: ContainerOptions): Promise<ConformanceContainer>;
  /** Creates a container, and starts it. */
  start(command: readonly string[], options?: ContainerOptions): Promise<ConformanceContainer>;
}

/** A container that is removed at the end of its case. */
export interface ConformanceContainer {
  readonly id: string;
  readonly podId: string;
  readonly name: string;
  /** Its labels, as they were asked for. */
  readonly labels: Readonly<Record<string, string>>;
  /** Where its log is to be. */
  readonly logPath: string;
  start(): Promise<void>;
  /** Stops it; the default leaves it no time. */
  stop(graceSeconds?: number): Promise<void>;
  status(): Promise<ContainerStatus>;
  /** Waits until it is in this state. */
  reaches(state: ContainerState): Promise<ContainerStatus>;
  /** Waits until it has exited. */
  exited(): Promise<ContainerStatus>;
  /** Waits until its log holds what is looked for, and gives all its lines. */
  log(what: string, holds: (lines: readonly LogLine[]) => boolean): Promise<LogLine[]>;
}

/** Containers of the shared pod in three states, which cases share. Each has a label `state` that says which. */
export interface SharedStates {
  readonly created: ConformanceContainer;
  readonly running: ConformanceContainer;
  readonly exited: ConformanceContainer;
  /** The label that they, and no others, have in common. */
  readonly label: string;
}

/** How a command is run to its end. */
export interface CommandOptions extends Omit<SessionOptions, "stdin" | "stdout" | "stderr"> {
  readonly input?: string | Uint8Array | undefined;
}

/** How a command ended, and what it printed. */
export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The runtime, and what a case needs to check it. Calls made through it end with the case. */
export interface ConformanceContext {
  readonly target: ConformanceTarget;
  readonly runtime: Cri["runtime"];
  readonly image: Cri["image"];
  readonly images: ConformanceImages;
  readonly commands: ConformanceCommands;
  /** Fires at the case's deadline, and when the run is given up. */
  readonly signal: AbortSignal;

  /** `Cri.exec`. */
  exec(containerId: string, command: readonly string[], options?: SessionOptions): Promise<ExecSession>;
  /** `Cri.runCommand`, without the shell that could end the command for sure: a container may have none. */
  runCommand(
    containerId: string,
    command: readonly string[],
    options?: CommandOptions,
  ): Promise<CommandResult>;
  /** `Cri.attach`. */
  attach(containerId: string, options?: SessionOptions): Promise<AttachSession>;
  /** `Cri.portForward`; closed at the end of the case. */
  readonly portForward: Cri["portForward"];

  /** A name that nothing else has. */
  name(): string;
  /** A port that no other case listens on: pods may have to share an address. */
  port(): number;
  /** A sandbox's config; whatever becomes of it, the sandboxes that were run with it are removed. */
  podConfig(options?: PodOptions): PodConfig;
  /** Runs a fresh pod. */
  pod(options?: PodOptions): Promise<ConformancePod>;
  /** The pod that cases share which are about containers only. Nobody stops it. Its label `shared` is `ready`. */
  sharedPod(): Promise<ConformancePod>;
  /** A pod that was stopped, for cases that only look at it. Both have a label `shared-by` in common. */
  stoppedPod(): Promise<ConformancePod>;
  /**
   * A running container in the shared pod, for cases that only run commands in it. It was started in `/tmp`, with
   * `CONFORMANCE_SHARED` set to `a value`.
   */
  sharedContainer(): Promise<ConformanceContainer>;
  /** Three containers for cases that only look at them. */
  sharedStates(): Promise<SharedStates>;
  /** Creates a container in the shared pod, and does not start it. */
  create(command: readonly string[], options?: ContainerOptions): Promise<ConformanceContainer>;
  /** Starts a container in the shared pod. */
  start(command: readonly string[], options?: ContainerOptions): Promise<ConformanceContainer>;
  /** Waits for its turn with `images.other`, which is not on the node then; other cases wait until this one is over. */
  otherImage(): Promise<string>;
  /**
   * Sends a request past the client's preflight. Only for what is known to make no daemon crash: a request for
   * CreateContainer never goes this way.
   */
  send<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
  ): Promise<MessageShape<O>>;
  /** Looks again and again until there is something to see, 10 seconds by default. */
  eventually<T>(
    what: string,
    look: () => T | undefined | false | Promise<T | undefined | false>,
    withinMs?: number,
  ): Promise<T>;
  /** Does this at the end of the case, however it ends; the last one first. */
  defer(cleanup: () => unknown): void;
}
