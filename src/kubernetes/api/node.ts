/** A core/v1 Node, as Kubernetes 1.36 defines it, as far as a kubelet has to do with it. */

/**
 * A core/v1 Node. With `Time = Date`, it is assignable to a `V1Node` of @kubernetes/client-node; with `Time = string`, to a `Node` of
 * kubernetes-types. The metadata, spec and status of theirs are assignable to those of this type.
 */
export interface Node<Time = Date | string> {
  readonly apiVersion?: "v1";
  readonly kind?: "Node";
  /** The name and the labels of the node. */
  readonly metadata?: NodeMetadata<Time>;
  /** What others decide: its taints, and whether it takes new Pods. */
  readonly spec?: NodeSpec<Time>;
  /** What the kubelet reports. */
  readonly status?: NodeStatus<Time>;
}

/** The metadata of a Node. */
export interface NodeMetadata<Time = Date | string> {
  /** Texts for programs. */
  readonly annotations?: { readonly [name: string]: string };
  /** When the API server created the object. */
  readonly creationTimestamp?: Time;
  /** Labels, such as `kubernetes.io/hostname`, that node selectors match. */
  readonly labels?: { readonly [name: string]: string };
  /** The name of the node. */
  readonly name?: string;
  /** Changes with each update of the object; opaque. */
  readonly resourceVersion?: string;
  /** The UUID of this object. A node that is created again has another one. */
  readonly uid?: string;
}

/** The desired state of a Node. */
export interface NodeSpec<Time = Date | string> {
  /** The range of the addresses of its pods. */
  readonly podCIDR?: string;
  /** The ranges of both address families; the first one is `podCIDR`. */
  readonly podCIDRs?: string[];
  /** The id of the machine at its cloud provider, such as `aws:///ZONE/INSTANCE`. */
  readonly providerID?: string;
  /** What Pods on the node must tolerate. */
  readonly taints?: Taint<Time>[];
  /** Whether schedulers place no new Pods on it: `kubectl cordon`. @default false */
  readonly unschedulable?: boolean;
}

/** A taint, which Pods must tolerate. */
export interface Taint<Time = Date | string> {
  /** "NoSchedule", "PreferNoSchedule" or "NoExecute". */
  readonly effect: string;
  /** The key, such as `node.kubernetes.io/not-ready`. */
  readonly key: string;
  /** When a "NoExecute" taint was added. */
  readonly timeAdded?: Time;
  /** The value. @default "" */
  readonly value?: string;
}

/** The status of a Node, which its kubelet reports. */
export interface NodeStatus<Time = Date | string> {
  /** Its addresses and host names. */
  readonly addresses?: NodeAddress[];
  /** What Pods may use: the capacity without what is reserved, by the name of the resource. */
  readonly allocatable?: { [name: string]: string };
  /** What the machine has, by the name of the resource, such as `cpu`, `memory` and `pods`. */
  readonly capacity?: { [name: string]: string };
  /** Ready, MemoryPressure, DiskPressure, PIDPressure and others. */
  readonly conditions?: NodeCondition<Time>[];
  /** The port of the kubelet. */
  readonly daemonEndpoints?: NodeDaemonEndpoints;
  /** The features that the kubelet declares to schedulers. */
  readonly declaredFeatures?: string[];
  /** The features of the runtime. */
  readonly features?: NodeFeatures;
  /** The images on the node, the largest first, as many as the kubelet reports. */
  readonly images?: ContainerImage[];
  /** The versions and ids of the machine. */
  readonly nodeInfo?: NodeSystemInfo;
  /** Not set by kubelets of today. */
  readonly phase?: string;
  /** The handlers of the runtime, and what each supports. */
  readonly runtimeHandlers?: NodeRuntimeHandler[];
  /** The attachable volumes that are mounted. */
  readonly volumesInUse?: string[];
}

/** An address of a Node, such as its InternalIP or Hostname. */
export interface NodeAddress {
  /** The address, or the name. */
  readonly address: string;
  /** "Hostname", "InternalIP", "ExternalIP", "InternalDNS" or "ExternalDNS". */
  readonly type: string;
}

/** A condition such as Ready or MemoryPressure. */
export interface NodeCondition<Time = Date | string> {
  /** When the kubelet last reported it. */
  readonly lastHeartbeatTime?: Time;
  /** When `status` last changed. */
  readonly lastTransitionTime?: Time;
  /** The reason as a sentence. */
  readonly message?: string;
  /** The reason of the last change, in CamelCase, such as `KubeletReady`. */
  readonly reason?: string;
  /** "True", "False" or "Unknown". */
  readonly status: string;
  /** Such as "Ready". */
  readonly type: string;
}

/** The ports of the daemons of a Node. */
export interface NodeDaemonEndpoints {
  /** Where the kubelet serves its API. */
  readonly kubeletEndpoint?: {
    /** The number of the port. */
    readonly Port: number;
  };
}

/** The features of the runtime that do not depend on the handler. */
export interface NodeFeatures {
  /** Whether Pods may set `supplementalGroupsPolicy`. */
  readonly supplementalGroupsPolicy?: boolean;
}

/** A runtime handler of a Node. */
export interface NodeRuntimeHandler {
  /** What the handler supports. */
  readonly features?: {
    /** Whether mounts may be read-only with all mounts below them. */
    readonly recursiveReadOnlyMounts?: boolean;
    /** Whether pods may have a user namespace of their own. */
    readonly userNamespaces?: boolean;
  };
  /** The name that RuntimeClasses refer to; "" for the default handler. */
  readonly name?: string;
}

/** An image on a Node. */
export interface ContainerImage {
  /** The tags and digests of the image. */
  readonly names?: string[];
  /** Its size on disk, in bytes. */
  readonly sizeBytes?: number;
}

/** The machine and the software of a Node. */
export interface NodeSystemInfo {
  /** Such as "amd64". */
  readonly architecture: string;
  /** Changes with each boot. */
  readonly bootID: string;
  /** The runtime and its version, such as "containerd://2.1.4". */
  readonly containerRuntimeVersion: string;
  /** As `uname -r` prints it. */
  readonly kernelVersion: string;
  /** Deprecated; kubelets report "". */
  readonly kubeProxyVersion: string;
  /** The version of the kubelet. */
  readonly kubeletVersion: string;
  /** The content of /etc/machine-id. */
  readonly machineID: string;
  /** Such as "linux". */
  readonly operatingSystem: string;
  /** The distribution, from /etc/os-release. */
  readonly osImage: string;
  /** The swap space of the machine. */
  readonly swap?: {
    /** Its size, in bytes. */
    readonly capacity?: number;
  };
  /** The UUID of the machine's firmware. */
  readonly systemUUID: string;
}
