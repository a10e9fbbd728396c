import type {
  Container as ListedContainer,
  PodSandbox,
  PodSandboxStatus,
} from "../../gen/runtime/v1/api_pb.js";
import { kubernetesLabels, nanosToDate } from "../core/index.js";
import type { ContainerSpec } from "./config/index.js";

/** Immutable metadata of a sandbox, and its IP address as last reported. */
export interface PodFacts {
  /** The sandbox's id. */
  readonly id: string;
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly attempt: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly createdAt: Date | undefined;
  readonly runtimeHandler: string;
  readonly ip: string | undefined;
}

/** Immutable metadata of a container. */
export interface ContainerFacts {
  readonly id: string;
  readonly name: string;
  readonly attempt: number;
  /** The image as its creator specified it. */
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** The spec; undefined for a container that this client did not create. */
  readonly spec: ContainerSpec | undefined;
  /** The path of the log, "" for none; undefined while it is unknown. */
  readonly logPath: string | undefined;
}

/** Converts a PodSandboxStatus to {@link PodFacts}. */
export function podFactsOfStatus(status: PodSandboxStatus): PodFacts {
  return { ...sharedFacts(status), ip: status.network?.ip || undefined };
}

/** Converts an item of ListPodSandbox, which has no IP address, to {@link PodFacts}. */
export function podFactsOfItem(sandbox: PodSandbox): PodFacts {
  return { ...sharedFacts(sandbox), ip: undefined };
}

function sharedFacts({
  id,
  metadata,
  labels,
  annotations,
  createdAt,
  runtimeHandler,
}: PodSandbox | PodSandboxStatus) {
  const { name = "", namespace = "", uid = "", attempt = 0 } = metadata ?? {};
  return {
    id,
    name,
    namespace,
    uid,
    attempt,
    labels,
    annotations,
    createdAt: nanosToDate(createdAt),
    runtimeHandler,
  };
}

/** Converts an item of ListContainers to {@link ContainerFacts}. */
export function containerFactsOfItem(
  { id, metadata, image, labels, annotations }: ListedContainer,
  spec?: ContainerSpec,
): ContainerFacts {
  return {
    id,
    name: metadata?.name || (labels[kubernetesLabels.containerName] ?? ""),
    attempt: metadata?.attempt ?? 0,
    image: image?.userSpecifiedImage || image?.image || "",
    labels,
    annotations,
    spec,
    logPath: undefined,
  };
}
