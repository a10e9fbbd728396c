/** The status of a Pod. */

/** The status of a Pod. With `Time = Date`, it is assignable to a `V1PodStatus` of @kubernetes/client-node; with `Time = string`, to a `PodStatus` of kubernetes-types. */
export interface PodStatus<Time = Date | string> {
  /** Initialized, Ready, ContainersReady, PodScheduled and others. */
  readonly conditions?: PodCondition<Time>[];
  /** The statuses of `spec.containers`. */
  readonly containerStatuses?: ContainerStatus<Time>[];
  /** The statuses of `spec.ephemeralContainers`. */
  readonly ephemeralContainerStatuses?: ContainerStatus<Time>[];
  /** The claim that serves requests of extended resources. */
  readonly extendedResourceClaimStatus?: PodExtendedResourceClaimStatus;
  /** The first address of the node. */
  readonly hostIP?: string;
  /** The addresses of the node, at most one per address family. */
  readonly hostIPs?: HostIP[];
  /** The statuses of `spec.initContainers`. */
  readonly initContainerStatuses?: ContainerStatus<Time>[];
  /** Why the Pod is in its phase, as a sentence. */
  readonly message?: string;
  /** The node that a scheduler clears for the Pod. */
  readonly nominatedNodeName?: string;
  /** The `metadata.generation` that the status is about. */
  readonly observedGeneration?: number;
  /** "Pending", "Running", "Succeeded", "Failed" or "Unknown". */
  readonly phase?: string;
  /** The first address of the pod. */
  readonly podIP?: string;
  /** The addresses of the pod, at most one per address family. */
  readonly podIPs?: PodIP[];
  /** "Guaranteed", "Burstable" or "BestEffort". */
  readonly qosClass?: string;
  /** Why the Pod is in its phase, in CamelCase, such as "Evicted". */
  readonly reason?: string;
  /** Deprecated: the conditions PodResizePending and PodResizeInProgress replace it. */
  readonly resize?: string;
  /** The ResourceClaims of `spec.resourceClaims`. */
  readonly resourceClaimStatuses?: PodResourceClaimStatus[];
  /** When the kubelet accepted the Pod. */
  readonly startTime?: Time;
}

/** A condition such as Ready, with the status "True", "False" or "Unknown". */
export interface PodCondition<Time = Date | string> {
  /** Not set by kubelets. */
  readonly lastProbeTime?: Time;
  /** When `status` last changed. */
  readonly lastTransitionTime?: Time;
  /** The reason as a sentence. */
  readonly message?: string;
  /** The `metadata.generation` that the condition is about. */
  readonly observedGeneration?: number;
  /** The reason of the last change, in CamelCase. */
  readonly reason?: string;
  /** "True", "False" or "Unknown". */
  readonly status: string;
  /** Such as "Ready", or the type of a readiness gate. */
  readonly type: string;
}

/** The status of a container. */
export interface ContainerStatus<Time = Date | string> {
  /** The requests that the kubelet has allocated, by the name of the resource. */
  readonly allocatedResources?: { [name: string]: string };
  /** The health of the devices of the container. */
  readonly allocatedResourcesStatus?: ResourceStatus[];
  /** The id of the container, after the name of the runtime: "containerd://ID". */
  readonly containerID?: string;
  /** The image that the container runs, as the runtime names it. */
  readonly image: string;
  /** The id or digest of the image. */
  readonly imageID: string;
  /** The end of the container before this one. */
  readonly lastState?: ContainerState<Time>;
  /** The name in the spec. */
  readonly name: string;
  /** Whether the container runs and its probes have succeeded. An init container is ready once it has succeeded. */
  readonly ready: boolean;
  /** The resources that the container has. */
  readonly resources?: ContainerStatusResources;
  /** How often the container was started again. */
  readonly restartCount: number;
  /** Whether the container runs, with its postStart hook done and its startup probe passed. */
  readonly started?: boolean;
  /** The current state. */
  readonly state?: ContainerState<Time>;
  /** The signal that stops the container. */
  readonly stopSignal?: string;
  /** The user of its first process. */
  readonly user?: ContainerUser;
  /** The mounted volumes. */
  readonly volumeMounts?: VolumeMountStatus[];
}

/** The state of a container. At most one field is set; none means waiting. */
export interface ContainerState<Time = Date | string> {
  /** Set while it runs. */
  readonly running?: ContainerStateRunning<Time>;
  /** Set once it has ended. */
  readonly terminated?: ContainerStateTerminated<Time>;
  /** Set while it cannot run yet. */
  readonly waiting?: ContainerStateWaiting;
}

/** The container runs. */
export interface ContainerStateRunning<Time = Date | string> {
  /** When it was started. */
  readonly startedAt?: Time;
}

/** The container has ended. */
export interface ContainerStateTerminated<Time = Date | string> {
  /** The id of the container, after the name of the runtime. */
  readonly containerID?: string;
  /** The exit code. 128 and more is usually a signal. */
  readonly exitCode: number;
  /** When it ended. */
  readonly finishedAt?: Time;
  /** What it wrote to its termination log, or the message of the runtime. */
  readonly message?: string;
  /** Such as "Completed", "Error" or "OOMKilled". */
  readonly reason?: string;
  /** The signal that ended it. CRI runtimes do not report it. */
  readonly signal?: number;
  /** When it was started. */
  readonly startedAt?: Time;
}

/** The container does not run yet. */
export interface ContainerStateWaiting {
  /** The reason as a sentence. */
  readonly message?: string;
  /** Such as "ContainerCreating", "CrashLoopBackOff" or "ImagePullBackOff". */
  readonly reason?: string;
}

/** The user of the first process of a container. */
export interface ContainerUser {
  /** Set on Linux. */
  readonly linux?: LinuxContainerUser;
}

/** User and groups on Linux. */
export interface LinuxContainerUser {
  /** The primary group. */
  readonly gid: number;
  /** The other groups. */
  readonly supplementalGroups?: number[];
  /** The user. */
  readonly uid: number;
}

/** A mounted volume. */
export interface VolumeMountStatus {
  /** The path in the container. */
  readonly mountPath: string;
  /** The name of the volume. */
  readonly name: string;
  /** Whether the container cannot write to it. */
  readonly readOnly?: boolean;
  /** "Disabled" or "Enabled": whether mounts below it are read-only, too. */
  readonly recursiveReadOnly?: string;
}

/** The status of a resource. */
export interface ResourceStatus {
  /** The resource, such as "example.com/gpu" or "claim:NAME". */
  readonly name: string;
  /** Its devices. */
  readonly resources?: ResourceHealth[];
}

/** The health of a device. */
export interface ResourceHealth {
  /** "Healthy", "Unhealthy" or "Unknown". */
  readonly health?: string;
  /** The id of the device. */
  readonly resourceID: string;
}

/** An address of the node. */
export interface HostIP {
  /** The address. */
  readonly ip: string;
}

/** An address of the pod. */
export interface PodIP {
  /** The address. */
  readonly ip: string;
}

/** The claim that was created for `spec.resourceClaims`. */
export interface PodResourceClaimStatus {
  /** The name in `spec.resourceClaims`. */
  readonly name: string;
  /** The name of the ResourceClaim; undefined if none was needed. */
  readonly resourceClaimName?: string;
}

/** The claim that was created for extended resources. */
export interface PodExtendedResourceClaimStatus {
  /** Which request of the claim serves which container. */
  readonly requestMappings: ContainerExtendedResourceRequest[];
  /** The name of the ResourceClaim. */
  readonly resourceClaimName: string;
}

/** A request of a container that a claim serves. */
export interface ContainerExtendedResourceRequest {
  /** The name of the container. */
  readonly containerName: string;
  /** The name of the request in the claim. */
  readonly requestName: string;
  /** The extended resource that the container requests. */
  readonly resourceName: string;
}

/** The resources that a container has. */
export interface ContainerStatusResources {
  /** The claims that the container uses. */
  readonly claims?: {
    /** A name in `spec.resourceClaims`. */
    readonly name: string;
    /** A request of the claim. @default all of its requests */
    readonly request?: string;
  }[];
  /** The limits, by the name of the resource. */
  readonly limits?: { [name: string]: string };
  /** The requests, by the name of the resource. */
  readonly requests?: { [name: string]: string };
}
