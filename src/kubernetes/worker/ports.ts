/**
 * What a pod worker uses, beside pure functions: the runtime and the parts that act on the node. All are passed in, so that a
 * kubelet, a test or a program with other needs can replace each of them.
 */
import type { LinuxContainerResources, PodSandboxConfig } from "../../../gen/runtime/v1/api_pb.js";
import type { RuntimeClient } from "../../clients/index.js";
import type { Container, LifecycleHandler, Pod, PodStatus, ResourceRequirements } from "../api/index.js";
import type { NodeFacts } from "../config/node-facts.js";
import type { PlannedContainer, PodPlan } from "../config/pod-configs.js";
import type { ImageFacts, PodInputs } from "../config/pod-inputs.js";
import type { DefaultedPod } from "../defaults/index.js";
import type { NodeFiles } from "../node/node-files.js";
import type { Clock } from "./clock.js";
import type { ObservedPod } from "./observed.js";

/** The RPCs that a worker calls. */
export type PodRuntime = Pick<
  RuntimeClient,
  | "listPodSandbox"
  | "podSandboxStatus"
  | "runPodSandbox"
  | "stopPodSandbox"
  | "removePodSandbox"
  | "listContainers"
  | "containerStatus"
  | "createContainer"
  | "startContainer"
  | "stopContainer"
  | "removeContainer"
  | "updateContainerResources"
  | "updatePodSandboxResources"
>;

/** An event of a Pod, with the reasons of the kubelet's events: `Pulling`, `Created`, `BackOff`, `Unhealthy`. */
export interface PodWorkerEvent {
  /** "Warning" for a problem. */
  readonly type: "Normal" | "Warning";
  /** In CamelCase. */
  readonly reason: string;
  /** A sentence for a person. */
  readonly message: string;
  /** The container that it is about; undefined for the pod. */
  readonly container?: string | undefined;
  /** Milliseconds since 1970. */
  readonly timeMs: number;
}

/** Takes events. The worker adds the time. */
export type EventRecorder = (event: Omit<PodWorkerEvent, "timeMs">) => void;

/** Images of the node. */
export interface PodImages {
  /**
   * Makes the image available by its policy, and returns what the runtime reports of it. Records `Pulling`, `Pulled`, `BackOff` and
   * `Failed`. Rejects with an error that has a `waitingReason`, such as `ErrImagePull` and `ImagePullBackOff`.
   */
  ensure(
    request: {
      readonly pod: Pod;
      /** The container, or undefined for the image of a volume. */
      readonly container: string | undefined;
      readonly image: string;
      readonly pullPolicy: "Always" | "IfNotPresent" | "Never";
      readonly sandbox: PodSandboxConfig;
    },
    options: { readonly signal: AbortSignal; readonly record: EventRecorder },
  ): Promise<ImageFacts>;
}

/** Turns a Pod into messages of CRI. The default is {@link podPlan} and its neighbours; another one may change what they return. */
export interface PodPlanner {
  /** Throws a StartError for a pod that cannot run here. */
  pod(pod: DefaultedPod, inputs: PodInputs): PodPlan;
  /** Throws a StartError, such as CreateContainerConfigError for a missing ConfigMap. */
  container(pod: DefaultedPod, name: string, inputs: PodInputs): PlannedContainer;
  /**
   * Returns the resources of a container, for UpdateContainerResources.
   * @default those of the config that `container` returns, for which all objects must be there that the container refers to
   */
  resources?(pod: DefaultedPod, name: string): LinuxContainerResources;
}

/** The current results of the probes of a container. */
export interface ProbeState {
  /** Until it has succeeded, the other probes wait. */
  readonly startup: "success" | "failure" | "unknown";
  /** A failure: the container is restarted. */
  readonly liveness: "success" | "failure" | "unknown";
  /** A success: the container is ready. */
  readonly readiness: "success" | "failure" | "unknown";
}

/** A running container, for its probes. */
export interface ProbedContainer {
  readonly container: Container;
  readonly id: string;
  readonly startedAtMs: number;
}

/** The probes of one pod. */
export interface PodProbes {
  /** Starts the probes of these running containers, and ends those of all others. */
  sync(pod: Pod, running: readonly ProbedContainer[], podIPs: readonly string[]): void;
  /** By the id of the container. A container without a probe of a kind has success for it. */
  state(containerId: string): ProbeState;
  /** Ends liveness and startup probes: the pod is being stopped. */
  stopRestarting(): void;
  close(): void;
}

/** Creates the probes of one pod; `onChange` is called when a result changes. */
export type ProbesFactory = (options: {
  readonly clock: Clock;
  readonly record: EventRecorder;
  readonly onChange: () => void;
}) => PodProbes;

/** Runs hooks. */
export interface Hooks {
  /** Rejects when the handler fails. */
  run(
    handler: LifecycleHandler,
    target: {
      readonly pod: Pod;
      readonly container: Container;
      readonly containerId: string;
      readonly podIPs: readonly string[];
    },
    options: {
      readonly signal: AbortSignal;
      /** Takes `LifecycleHTTPFallback`. */
      readonly record?: EventRecorder | undefined;
    },
  ): Promise<void>;
}

/** Notifies of changes of the sandboxes and containers of a pod. A notification is a hint. */
export interface PodChanges {
  /** Returns a function that ends the subscription. */
  subscribe(podUid: string, notify: () => void): () => void;
}

/** Why a newer version of a Pod's resources is not allocated: the reason and message of the condition `PodResizePending`. */
export interface PendingResize {
  /** `Deferred`: it fits when others leave. `Infeasible`: it never does. */
  readonly reason: "Deferred" | "Infeasible";
  /** The message of the condition. */
  readonly message: string;
  /** `metadata.generation` of the Pod that was refused. */
  readonly observedGeneration?: number | undefined;
}

/**
 * The dependencies of in-place resizes. The Pod that the worker gets has the resources that are allocated to
 * it: how they are decided is not its matter. Without this port, new resources apply from the next start of a container on.
 */
export interface PodResizing {
  /**
   * The resources that each running container was started with, or that were set last, by its name. It survives restarts of this process:
   * otherwise containers would be resized, or restarted, by surprise.
   */
  readonly actuated: (podUid: string) => Readonly<Record<string, ResourceRequirements>>;
  /** Keeps the resources of a container durably, before its start and after each change. */
  readonly setActuated: (
    podUid: string,
    containerName: string,
    resources: ResourceRequirements,
  ) => Promise<void>;
  /** Returns `metadata.generation` of the Pod whose resources are allocated. */
  readonly generation: (podUid: string) => number | undefined;
  readonly pending: (podUid: string) => PendingResize | undefined;
  /** Returns the memory that a container uses, in bytes; undefined where it is unknown. A limit is not lowered below it. */
  readonly memoryUsageBytes: (containerId: string, signal: AbortSignal) => Promise<bigint | undefined>;
}

/** The resources of a cgroup that are changed in place. */
export type ResizableResource = "cpu" | "memory";

/** The cgroup of a pod. Without this port, the runtime creates it, without limits. Failures are reported as events, and never reject. */
export interface PodCgroups {
  /** Creates the cgroup with its limits, before RunPodSandbox. */
  readonly prepare: (pod: DefaultedPod) => Promise<void>;
  /** Raises the limits and shares that the Pod has now, and lowers none: before its containers get more. */
  readonly raise: (pod: DefaultedPod, resource: ResizableResource) => Promise<void>;
  /** Sets all limits and shares that the Pod has now: after its containers were changed. */
  readonly set: (pod: DefaultedPod, resource: ResizableResource) => Promise<void>;
  /** Returns the memory limit and usage of the whole pod, in bytes; undefined where they are unknown. A limit of undefined is none. */
  readonly memory: (
    pod: DefaultedPod,
  ) => Promise<{ readonly limitBytes: bigint | undefined; readonly usageBytes: bigint } | undefined>;
}

/** What a worker is made of. */
export interface PodWorkerParts {
  readonly runtime: PodRuntime;
  readonly images: PodImages;
  readonly planner: PodPlanner;
  readonly files: NodeFiles;
  readonly probes: ProbesFactory;
  readonly hooks: Hooks;
  readonly changes: PodChanges;
  readonly clock: Clock;
  /** The objects that the Pod refers to, as they are now. */
  readonly inputs: () => Pick<
    PodInputs,
    | "configMaps"
    | "secrets"
    | "services"
    | "runtimeClasses"
    | "containers"
    | "readVolumeFile"
    | "serviceAccountTokens"
  >;
  /** The facts of the node that statuses contain. */
  readonly node: () => Pick<NodeFacts, "nodeIPs" | "runtimeName" | "runtimeHandlers">;
  readonly record: (event: PodWorkerEvent) => void;
  /** Called with each new status, and what it was computed from. */
  readonly onStatus: (status: PodStatus<Date>, observed: ObservedPod) => void;
  /** In-place resize. @default none */
  readonly resizing?: PodResizing | undefined;
  /** The cgroups of pods. @default none: the runtime creates them */
  readonly cgroups?: PodCgroups | undefined;
  /**
   * Returns why the network of the runtime is not ready, such as the message of its condition NetworkReady; undefined when it is. Meanwhile,
   * pods that are not on the network of the host get no sandbox.
   * @default the network counts as ready
   */
  readonly networkProblem?: (() => string | undefined) | undefined;
}
