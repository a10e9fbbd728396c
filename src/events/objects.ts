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
import { nanosToDate, signalOf } from "../core/index.js";

/** A sandbox of the node, as it was last known. Never changed: a later state is another object. */
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
  /** `ready` is PodSandboxState SANDBOX_READY; `notReady`, that it was stopped or its own process ended. */
  readonly state: "ready" | "notReady";
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAt: Date | undefined;
  /** CRI's own message, as ListPodSandbox gives it. */
  readonly message: PodSandbox;
}

/** A container of the node, as it was last known. Never changed: a later state is another object. */
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
  /** `unknown`, that the runtime does not know what became of it. */
  readonly state: "created" | "running" | "exited" | "unknown";
  readonly labels: Readonly<Record<string, string>>;
  /** The image as whoever created the container named it: ImageSpec.user_specified_image, else ImageSpec.image. */
  readonly image: string;
  readonly createdAt: Date | undefined;
  /**
   * How it ended, in state `exited`; undefined there, too, when the runtime could not tell, or has not told yet. It is asked
   * again.
   */
  readonly exit: ContainerExit | undefined;
  /** CRI's own message, as ListContainers gives it. */
  readonly message: Container;
}

/** How a container ended. */
export interface ContainerExit {
  /** ContainerStatus.exit_code; 128 and more for a signal, 255 where the runtime itself was down at the time. */
  readonly exitCode: number;
  /** The signal that an exit code over 128 stands for; undefined for other codes. */
  readonly signal: NodeJS.Signals | undefined;
  /** `Completed`, `Error`, `OOMKilled`, `StartError`, ...: ContainerStatus.reason, in the runtime's words. */
  readonly reason: string;
  /** ContainerStatus.message. */
  readonly text: string;
  /** Whether the kernel killed it since memory ran out: reason `OOMKilled`. */
  readonly oomKilled: boolean;
  /** Undefined when it could not be started. */
  readonly startedAt: Date | undefined;
  /** containerd may note the start of a short-lived one after its end, so this may be before `startedAt`. */
  readonly finishedAt: Date | undefined;
}

/** A pod or a container of the node. */
export type NodeObject = NodePod | NodeContainer;

export function nodePod(message: PodSandbox): NodePod {
  const { metadata } = message;
  return Object.freeze<NodePod>({
    kind: "pod",
    id: message.id,
    name: metadata?.name ?? "",
    namespace: metadata?.namespace ?? "",
    uid: metadata?.uid ?? "",
    state: message.state === PodSandboxState.SANDBOX_READY ? "ready" : "notReady",
    labels: message.labels,
    createdAt: nanosToDate(message.createdAt),
    message,
  });
}

export function nodeContainer(message: Container, exit: ContainerExit | undefined): NodeContainer {
  const { metadata, image } = message;
  const state = stateOf(message.state);
  return Object.freeze<NodeContainer>({
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
  });
}

/** How a container in state `exited` ended, by its status. */
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

/** The pod in another state. */
export function podIn(pod: NodePod, state: PodSandboxState): NodePod {
  const message = clone(PodSandboxSchema, pod.message);
  message.state = state;
  return nodePod(message);
}

/** The container in another state. */
export function containerIn(
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
