/** A core/v1 Node, as Kubernetes 1.36 defines it, as far as a kubelet has to do with it. */

/**
 * A core/v1 Node. With `Time = Date`, it is assignable to a `V1Node` of @kubernetes/client-node; with `Time = string`, to a `Node` of
 * kubernetes-types. The metadata, spec and status of theirs are assignable to those of this type.
 */
export interface Node<Time = Date | string> {
  readonly apiVersion?: "v1";
  readonly kind?: "Node";
  readonly metadata?: NodeMetadata<Time>;
  readonly spec?: NodeSpec<Time>;
  readonly status?: NodeStatus<Time>;
}

/** The metadata of a Node. */
export interface NodeMetadata<Time = Date | string> {
  readonly annotations?: { readonly [name: string]: string };
  readonly creationTimestamp?: Time;
  readonly labels?: { readonly [name: string]: string };
  readonly name?: string;
  readonly resourceVersion?: string;
  readonly uid?: string;
}

/** The desired state of a Node. */
export interface NodeSpec<Time = Date | string> {
  readonly podCIDR?: string;
  readonly podCIDRs?: string[];
  readonly providerID?: string;
  readonly taints?: Taint<Time>[];
  readonly unschedulable?: boolean;
}

/** A taint, which Pods must tolerate. */
export interface Taint<Time = Date | string> {
  readonly effect: string;
  readonly key: string;
  readonly timeAdded?: Time;
  readonly value?: string;
}

/** The status of a Node, which its kubelet reports. */
export interface NodeStatus<Time = Date | string> {
  readonly addresses?: NodeAddress[];
  readonly allocatable?: { [name: string]: string };
  readonly capacity?: { [name: string]: string };
  readonly conditions?: NodeCondition<Time>[];
  readonly daemonEndpoints?: NodeDaemonEndpoints;
  readonly declaredFeatures?: string[];
  readonly features?: NodeFeatures;
  readonly images?: ContainerImage[];
  readonly nodeInfo?: NodeSystemInfo;
  readonly phase?: string;
  readonly runtimeHandlers?: NodeRuntimeHandler[];
  readonly volumesInUse?: string[];
}

/** An address of a Node, such as its InternalIP or Hostname. */
export interface NodeAddress {
  readonly address: string;
  readonly type: string;
}

/** A condition such as Ready or MemoryPressure. */
export interface NodeCondition<Time = Date | string> {
  readonly lastHeartbeatTime?: Time;
  readonly lastTransitionTime?: Time;
  readonly message?: string;
  readonly reason?: string;
  readonly status: string;
  readonly type: string;
}

/** The ports of the daemons of a Node. */
export interface NodeDaemonEndpoints {
  readonly kubeletEndpoint?: { readonly Port: number };
}

/** The features of the runtime that do not depend on the handler. */
export interface NodeFeatures {
  readonly supplementalGroupsPolicy?: boolean;
}

/** A runtime handler of a Node. */
export interface NodeRuntimeHandler {
  readonly features?: { readonly recursiveReadOnlyMounts?: boolean; readonly userNamespaces?: boolean };
  readonly name?: string;
}

/** An image on a Node. */
export interface ContainerImage {
  readonly names?: string[];
  readonly sizeBytes?: number;
}

/** The machine and the software of a Node. */
export interface NodeSystemInfo {
  readonly architecture: string;
  readonly bootID: string;
  readonly containerRuntimeVersion: string;
  readonly kernelVersion: string;
  readonly kubeProxyVersion: string;
  readonly kubeletVersion: string;
  readonly machineID: string;
  readonly operatingSystem: string;
  readonly osImage: string;
  readonly swap?: { readonly capacity?: number };
  readonly systemUUID: string;
}
