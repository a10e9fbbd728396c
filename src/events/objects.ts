import { clone } from "@bufbuild/protobuf";
import {
  type Container,
  ContainerSchema,
  ContainerState,
  type ContainerStatus,
  type PodSandbox,
  PodSandboxSchema,
  PodSandboxState,
} from "../../gen/runtime/v1/api_pb.js";
import { nanosToDate, signalOf, withJson } from "../core/index.js";

/** The last known state of a sandbox. Immutable: a later state is a new object. */
export interface NodePod {
  readonly kind: "pod";
  /** PodSandbox.id. */
  readonly id: string;
  /** PodSandboxMetadata.name. */
  readonly name: string;
  /** PodSandboxMetadata.namespace. */
  readonly namespace: string;
  /** PodSandboxMetadata.uid. */
  readonly uid: string;
  /** `ready`: PodSandboxState SANDBOX_READY. `notReady`: the sandbox was stopped, or its own process ended. */
  readonly state: "ready" | "notReady";
  /** PodSandbox.labels. */
  readonly labels: Readonly<Record<string, string>>;
  /** PodSandbox.created_at. */
  readonly createdAt: Date | undefined;
  /** The CRI message, as in ListPodSandboxResponse.items. */
  readonly message: PodSandbox;
}

/** The last known state of a container. Immutable: a later state is a new object. */
export interface NodeContainer {
  readonly kind: "container";
  /** Container.id. */
  readonly id: string;
  /** Container.pod_sandbox_id. */
  readonly podId: string;
  /** ContainerMetadata.name. */
  readonly name: string;
  /** ContainerMetadata.attempt. */
  readonly attempt: number;
  /** `unknown`: ContainerState CONTAINER_UNKNOWN, the runtime lost track of the container. */
  readonly state: "created" | "running" | "exited" | "unknown";
  /** Container.labels. */
  readonly labels: Readonly<Record<string, string>>;
  /** The image name from the container's creation: ImageSpec.user_specified_image, else ImageSpec.image. */
  readonly image: string;
  /** Container.created_at. */
  readonly createdAt: Date | undefined;
  /** How the container ended; undefined in other states than `exited`, and until the runtime reports it. */
  readonly exit: ContainerExit | undefined;
  /** The CRI message, as in ListContainersResponse.containers. */
  readonly message: Container;
}

/** How the main process of a container ended. */
export interface ContainerExit {
  /** ContainerStatus.exit_code: 128 + n for signal n; 255 when containerd was down at that time. */
  readonly exitCode: number;
  /** The signal of an exit code above 128; undefined for other codes. */
  readonly signal: NodeJS.Signals | undefined;
  /** ContainerStatus.reason, in the runtime's words: `Completed`, `Error`, `OOMKilled`, `StartError`, ... */
  readonly reason: string;
  /** ContainerStatus.message. */
  readonly text: string;
  /** Whether the kernel killed the process because of a memory limit: reason `OOMKilled`. */
  readonly oomKilled: boolean;
  /** ContainerStatus.started_at; undefined when the container could not be started. */
  readonly startedAt: Date | undefined;
  /**
   * ContainerStatus.finished_at. It may be before `startedAt`: containerd may record the start of a short-lived container after its
   * end.
   */
  readonly finishedAt: Date | undefined;
}

/** A pod or a container. */
export type NodeObject = NodePod | NodeContainer;

/** Converts an item of ListPodSandbox. */
export function nodePod(message: PodSandbox): NodePod {
  const { metadata } = message;
  return Object.freeze<NodePod>(
    withJson({
      kind: "pod",
      id: message.id,
      name: metadata?.name ?? "",
      namespace: metadata?.namespace ?? "",
      uid: metadata?.uid ?? "",
      state: message.state === PodSandboxState.SANDBOX_READY ? "ready" : "notReady",
      labels: message.labels,
      createdAt: nanosToDate(message.createdAt),
      message,
    }),
  );
}

/** Converts an item of ListContainers. */
export function nodeContainer(message: Container, exit: ContainerExit | undefined): NodeContainer {
  const { metadata, image } = message;
  const state = stateOf(message.state);
  return Object.freeze<NodeContainer>(
    withJson({
      kind: "container",
      id: message.id,
      podId: message.podSandboxId,
      name: metadata?.name ?? "",
      attempt: metadata?.attempt ?? 0,
      state,
      labels: message.labels,
      image: image?.userSpecifiedImage || image?.image || "",
      createdAt: nanosToDate(message.createdAt),
      exit: state === "exited" ? exit : undefined,
      message,
    }),
  );
}

/** Reads how a container ended from its status, which must be in state CONTAINER_EXITED. */
export function containerExit(status: ContainerStatus): ContainerExit {
  return Object.freeze<ContainerExit>({
    exitCode: status.exitCode,
    signal: signalOf(status.exitCode),
    reason: status.reason,
    text: status.message,
    oomKilled: status.reason === "OOMKilled",
    startedAt: nanosToDate(status.startedAt),
    finishedAt: nanosToDate(status.finishedAt),
  });
}

/** Returns a copy of the pod in another state. */
export function podWithState(pod: NodePod, state: PodSandboxState): NodePod {
  const message = clone(PodSandboxSchema, pod.message);
  message.state = state;
  return nodePod(message);
}

/** Returns a copy of the container in another state. */
export function containerWithState(
  container: NodeContainer,
  state: ContainerState,
  exit?: ContainerExit | undefined,
): NodeContainer {
  const message = clone(ContainerSchema, container.message);
  message.state = state;
  return nodeContainer(message, exit);
}

function stateOf(state: ContainerState): NodeContainer["state"] {
  switch (state) {
    case ContainerState.CONTAINER_CREATED:
      return "created";
    case ContainerState.CONTAINER_RUNNING:
      return "running";
    case ContainerState.CONTAINER_EXITED:
      return "exited";
    default:
      return "unknown";
  }
}
