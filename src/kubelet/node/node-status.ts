import { isIP } from "node:net";
import type { StatusResponse, VersionResponse } from "../../../gen/runtime/v1/api_pb.js";
import type {
  ContainerImage,
  NodeAddress,
  NodeCondition,
  NodeStatus,
  Resources,
} from "../../kubernetes/index.js";
import type { HostInfo, HostResources } from "./host-info.js";
import { type EvictionReserve, nodeAllocatable, nodeCapacity } from "./node-resources.js";

/** The input of {@link nodeStatus}, besides the conditions. */
export interface NodeStatusInput {
  readonly nodeName: string;
  /** The addresses of the machine. Those of loopback are left out: no other machine reaches them. */
  readonly nodeIPs: readonly string[];
  /** The addresses to report instead of `nodeIPs`. */
  readonly nodeAddresses: readonly NodeAddress[] | undefined;
  readonly host: HostInfo;
  readonly resources: HostResources;
  readonly memoryBytes: bigint;
  readonly swapBytes: bigint;
  readonly maxPods: number;
  readonly capacity: Resources;
  readonly reserved: Resources;
  readonly evictionReserve: EvictionReserve;
  /** The last responses of Version and Status; undefined before the first ones. */
  readonly version: Pick<VersionResponse, "runtimeName" | "runtimeVersion"> | undefined;
  readonly runtime: Pick<StatusResponse, "runtimeHandlers" | "features"> | undefined;
  readonly images: readonly ContainerImage[];
  readonly kubeletVersion: string;
  /** The port of the kubelet's API; undefined without one. */
  readonly port: number | undefined;
  readonly declaredFeatures: readonly string[];
}

/** Returns the status of a Node. */
export function nodeStatus(
  input: NodeStatusInput,
  conditions: readonly NodeCondition<Date>[],
): NodeStatus<Date> {
  const { resources, memoryBytes, maxPods, runtime, port, declaredFeatures } = input;
  const capacity = nodeCapacity({ ...resources, memoryBytes, maxPods, capacity: input.capacity });
  return {
    addresses: addressesOf(input),
    capacity,
    allocatable: nodeAllocatable(capacity, input.reserved, input.evictionReserve),
    conditions: [...conditions],
    ...(port === undefined ? {} : { daemonEndpoints: { kubeletEndpoint: { Port: port } } }),
    ...(declaredFeatures.length === 0 ? {} : { declaredFeatures: [...declaredFeatures].sort() }),
    ...(runtime?.features
      ? { features: { supplementalGroupsPolicy: runtime.features.supplementalGroupsPolicy } }
      : {}),
    images: [...input.images],
    nodeInfo: nodeInfo(input),
    ...(runtime === undefined || runtime.runtimeHandlers.length === 0
      ? {}
      : { runtimeHandlers: runtime.runtimeHandlers.map(handlerOf) }),
  };
}

function addressesOf({ nodeName, nodeIPs, nodeAddresses }: NodeStatusInput): NodeAddress[] {
  if (nodeAddresses !== undefined) return [...nodeAddresses];
  const internal = nodeIPs
    .filter((address) => !isLoopback(address))
    .map((address) => ({ type: "InternalIP", address }));
  return [...internal, { type: "Hostname", address: nodeName }];
}

function isLoopback(address: string): boolean {
  return isIP(address) === 4 ? address.startsWith("127.") : address === "::1";
}

function handlerOf({ name, features }: StatusResponse["runtimeHandlers"][number]) {
  if (features === undefined) return { name };
  const { recursiveReadOnlyMounts, userNamespaces } = features;
  return { name, features: { recursiveReadOnlyMounts, userNamespaces } };
}

function nodeInfo({ host, version, swapBytes, kubeletVersion }: NodeStatusInput) {
  const runtimeVersion =
    version === undefined ? "unknown://Unknown" : `${version.runtimeName}://${version.runtimeVersion}`;
  return {
    ...host,
    containerRuntimeVersion: runtimeVersion,
    kubeletVersion,
    // Deprecated in Kubernetes 1.31, and empty since 1.33: a kubelet does not know kube-proxy.
    kubeProxyVersion: "",
    ...(swapBytes > 0n ? { swap: { capacity: Number(swapBytes) } } : {}),
  };
}
