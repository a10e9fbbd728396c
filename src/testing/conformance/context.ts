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
import type { ConformanceLogLine } from "./log-file.js";
import type { ConformanceCommands, ConformanceImages, ConformanceTarget } from "./target.js";

/** The fields of a sandbox config that a case may set; the suite fills in the rest. */
export interface PodOptions {
  /** PodSandboxMetadata.name. @default a unique name */
  readonly name?: string | undefined;
  /** PodSandboxMetadata.namespace. @default "cri-sdk-conformance" */
  readonly namespace?: string | undefined;
  /** PodSandboxMetadata.uid. @default a unique uid */
  readonly uid?: string | undefined;
  /** PodSandboxMetadata.attempt. @default 0 */
  readonly attempt?: number | undefined;
  /** Labels in addition to those that every pod of the suite has. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** The annotations of the sandbox. @default none */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** Whether the pod is on the network of the node. @default false */
  readonly hostNetwork?: boolean | undefined;
}

/** A sandbox config as the kubelet would send it. */
export interface PodConfig {
  /** CRI `metadata`. */
  readonly metadata: {
    /** CRI `name`. */
    readonly name: string;
    /** CRI `uid`. */
    readonly uid: string;
    /** CRI `namespace`. */
    readonly namespace: string;
    /** CRI `attempt`. */
    readonly attempt: number;
  };
  /** CRI `log_directory`. */
  readonly logDirectory: string;
  /** CRI `labels`. */
  readonly labels: Record<string, string>;
  /** CRI `annotations`. */
  readonly annotations: Record<string, string>;
  /** CRI `linux`. */
  readonly linux: {
    /** CRI `cgroup_parent`; undefined lets the runtime decide. */
    readonly cgroupParent?: string;
    /** CRI `security_context`. */
    readonly securityContext: {
      /** CRI `namespace_options`. */
      readonly namespaceOptions: {
        /** CRI `network`. */
        readonly network: NamespaceMode;
        /** CRI `pid`. */
        readonly pid: NamespaceMode;
        /** CRI `ipc`. */
        readonly ipc: NamespaceMode;
      };
    };
  };
}

/** The fields of a container config that a case may set; `labels` are added to those that every container of the suite has. */
export type ContainerOptions = Exclude<MessageInitShape<typeof ContainerConfigSchema>, ContainerConfig>;

/** A pod that is removed with its containers at the end of its case. */
export interface ConformancePod {
  /** The id of the sandbox. */
  readonly id: string;
  /** The config that it runs with. */
  readonly config: PodConfig;
  /** Calls PodSandboxStatus. */
  status(): Promise<PodSandboxStatus>;
  /** Creates a container with this command without starting it. */
  create(command: readonly string[], options?: ContainerOptions): Promise<ConformanceContainer>;
  /** Creates and starts a container. */
  start(command: readonly string[], options?: ContainerOptions): Promise<ConformanceContainer>;
}

/** A container that is removed at the end of its case. */
export interface ConformanceContainer {
  /** The id of the container. */
  readonly id: string;
  /** The id of the sandbox. */
  readonly podId: string;
  /** ContainerMetadata.name. */
  readonly name: string;
  /** Its labels as requested. */
  readonly labels: Readonly<Record<string, string>>;
  /** The path of its log file. */
  readonly logPath: string;
  /** Calls StartContainer. */
  start(): Promise<void>;
  /** Stops it; the default grace period of 0 kills it immediately. */
  stop(graceSeconds?: number): Promise<void>;
  /** Kills and removes it, for cases that do not test RemoveContainer itself: CRI-O would give it until the deadline of that call. */
  remove(): Promise<void>;
  /** Calls ContainerStatus. */
  status(): Promise<ContainerStatus>;
  /** Waits for this state. */
  reaches(state: ContainerState): Promise<ContainerStatus>;
  /** Waits until it has exited. */
  exited(): Promise<ContainerStatus>;
  /** Waits until its log satisfies a condition, and returns all lines. */
  log(
    what: string,
    matches: (lines: readonly ConformanceLogLine[]) => boolean,
  ): Promise<ConformanceLogLine[]>;
}

/** Containers of the shared pod in three states. Each has its state as the label `state`. @inline */
export interface SharedStates {
  /** The container that was created and not started. */
  readonly created: ConformanceContainer;
  /** The container that is running. */
  readonly running: ConformanceContainer;
  /** The container that has exited. */
  readonly exited: ConformanceContainer;
  /** The label that only these three have. */
  readonly label: string;
}

/** Options of `runCommand`. */
export interface CommandOptions extends Omit<SessionOptions, "stdin" | "stdout" | "stderr"> {
  /** The input of the command. @default none */
  readonly input?: string | Uint8Array | undefined;
}

/** The exit code and output of a command. */
export interface CommandResult {
  /** The exit code. */
  readonly exitCode: number;
  /** The output to stdout, as UTF-8. */
  readonly stdout: string;
  /** The output to stderr, as UTF-8. */
  readonly stderr: string;
}

/** The runtime and the helpers of a case. Calls made through it end with the case. */
export interface ConformanceContext {
  /** The runtime that is checked. */
  readonly target: ConformanceTarget;
  /** The calls of RuntimeService. */
  readonly runtime: Cri["runtime"];
  /** The calls of ImageService. */
  readonly image: Cri["image"];
  /** The images of the target. */
  readonly images: ConformanceImages;
  /** The command lines of the target. */
  readonly commands: ConformanceCommands;
  /** Fires at the case's deadline and when the run is aborted. */
  readonly signal: AbortSignal;

  /** `Cri.exec`. */
  exec(containerId: string, command: readonly string[], options?: SessionOptions): Promise<ExecSession>;
  /** `Cri.runCommand` without its wrapper shell, since a container may have none. */
  runCommand(
    containerId: string,
    command: readonly string[],
    options?: CommandOptions,
  ): Promise<CommandResult>;
  /** `Cri.attach`. */
  attach(containerId: string, options?: SessionOptions): Promise<AttachSession>;
  /** `Cri.portForward`, closed at the end of the case. */
  readonly portForward: Cri["portForward"];

  /** Returns a unique name. */
  name(): string;
  /** Returns a port that no other case listens on, since pods may share an address. */
  port(): number;
  /** Returns a sandbox config. Sandboxes that run with it are removed in any case. */
  podConfig(options?: PodOptions): PodConfig;
  /** Runs a new pod. */
  pod(options?: PodOptions): Promise<ConformancePod>;
  /** The pod for cases that test containers only; no case stops it. Its label `shared` is `ready`. */
  sharedPod(): Promise<ConformancePod>;
  /** A stopped pod for cases that only read it. Both pods have the label `shared-by`. */
  stoppedPod(): Promise<ConformancePod>;
  /** A running container in the shared pod for cases that run commands: in `/tmp`, with `CONFORMANCE_SHARED` set to `a value`. */
  sharedContainer(): Promise<ConformanceContainer>;
  /** Three containers for cases that only read them. */
  sharedStates(): Promise<SharedStates>;
  /** Creates a container in the shared pod without starting it. */
  create(command: readonly string[], options?: ContainerOptions): Promise<ConformanceContainer>;
  /** Starts a container in the shared pod. */
  start(command: readonly string[], options?: ContainerOptions): Promise<ConformanceContainer>;
  /** Waits for exclusive use of `images.other`, which is then not on the node; other cases wait until this one ends. */
  otherImage(): Promise<string>;
  /** Sends a request without the client's preflight. Only for requests that crash no known daemon, so never for CreateContainer. */
  send<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
  ): Promise<MessageShape<O>>;
  /** Polls until `poll` returns a value; 10 seconds by default. */
  eventually<T>(
    what: string,
    poll: () => T | undefined | false | Promise<T | undefined | false>,
    withinMs?: number,
  ): Promise<T>;
  /** Runs `cleanup` at the end of the case, however it ends; last registered, first run. */
  defer(cleanup: () => unknown): void;
}

/** The resources that the cases of one run share: the target, its images, and pods that are created once. */
export interface SharedResources {
  readonly target: ConformanceTarget;
  /** Returns a name that is unique on the runtime. */
  name(): string;
  port(): number;
  /** Pulls the main image, once per run. */
  mainImage(): Promise<void>;
  sharedPod(): Promise<ConformancePod>;
  stoppedPod(): Promise<ConformancePod>;
  sharedContainer(): Promise<ConformanceContainer>;
  sharedStates(): Promise<SharedStates>;
  /** Waits for exclusive use of the other image. Resolves with the function that releases it. */
  lockOtherImage(): Promise<() => void>;
}
