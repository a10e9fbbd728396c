import type { Node, NodeMetadata, NodeSpec, NodeStatus, Taint } from "../../kubernetes/index.js";
import type { HostInfo } from "./host-info.js";

/** The annotation of nodes whose volumes the attach-detach controller attaches, not the kubelet. */
const attachDetach = "volumes.kubernetes.io/controller-managed-attach-detach";

/** What a kubelet registers its Node with. */
export interface NodeRegistration {
  readonly nodeName: string;
  readonly host: Pick<HostInfo, "architecture" | "operatingSystem">;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
}

/** What is known of a Node at the API server. */
export type RegisteredNode = Pick<Node, "metadata" | "spec">;

/**
 * Returns the Node: as it is to be registered; once it is registered, with the labels, annotations and spec that the API server has. It
 * always has the labels of its host name, operating system and architecture.
 */
export function nodeObject(
  registration: NodeRegistration,
  registered: RegisteredNode | undefined,
  status: NodeStatus<Date>,
): Node<Date> {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: metadataOf(registration, registered?.metadata),
    spec:
      registered === undefined ? specOf({ taints: [...registration.taints] }) : specOf(registered.spec ?? {}),
    status,
  };
}

function metadataOf(
  { nodeName, host, labels }: NodeRegistration,
  registered: NodeMetadata | undefined,
): NodeMetadata<Date> {
  const { architecture, operatingSystem } = host;
  const ownLabels = {
    "beta.kubernetes.io/arch": architecture,
    "beta.kubernetes.io/os": operatingSystem,
    "kubernetes.io/arch": architecture,
    "kubernetes.io/hostname": nodeName,
    "kubernetes.io/os": operatingSystem,
  };
  if (registered === undefined)
    return {
      name: nodeName,
      labels: { ...ownLabels, ...labels },
      annotations: { [attachDetach]: "true" },
    };
  const { uid, resourceVersion, creationTimestamp } = registered;
  return {
    name: nodeName,
    labels: { ...ownLabels, ...registered.labels },
    annotations: { ...registered.annotations },
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    ...(creationTimestamp === undefined ? {} : { creationTimestamp: new Date(creationTimestamp) }),
  };
}

function specOf({ taints = [], ...spec }: NodeSpec): NodeSpec<Date> {
  if (taints.length === 0) return spec;
  return { ...spec, taints: taints.map(withDate) };
}

function withDate({ timeAdded, ...taint }: Taint): Taint<Date> {
  return timeAdded === undefined ? taint : { ...taint, timeAdded: new Date(timeAdded) };
}
