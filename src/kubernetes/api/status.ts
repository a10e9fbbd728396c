/** The status of a Pod. */

/** The status of a Pod. With `Time = Date`, it is assignable to a `V1PodStatus` of @kubernetes/client-node; with `Time = string`, to a `PodStatus` of kubernetes-types. */
export interface PodStatus<Time = Date | string> {
  readonly conditions?: PodCondition<Time>[];
  readonly containerStatuses?: ContainerStatus<Time>[];
  readonly ephemeralContainerStatuses?: ContainerStatus<Time>[];
  readonly extendedResourceClaimStatus?: PodExtendedResourceClaimStatus;
  readonly hostIP?: string;
  readonly hostIPs?: HostIP[];
  readonly initContainerStatuses?: ContainerStatus<Time>[];
  readonly message?: string;
  readonly nominatedNodeName?: string;
  readonly observedGeneration?: number;
  readonly phase?: string;
  readonly podIP?: string;
  readonly podIPs?: PodIP[];
  readonly qosClass?: string;
  readonly reason?: string;
  readonly resize?: string;
  readonly resourceClaimStatuses?: PodResourceClaimStatus[];
  readonly startTime?: Time;
}

/** A condition such as Ready, with the status "True", "False" or "Unknown". */
export interface PodCondition<Time = Date | string> {
  readonly lastProbeTime?: Time;
  readonly lastTransitionTime?: Time;
  readonly message?: string;
  readonly observedGeneration?: number;
  readonly reason?: string;
  readonly status: string;
  readonly type: string;
}

/** The status of a container. */
export interface ContainerStatus<Time = Date | string> {
  readonly allocatedResources?: { [name: string]: string };
  readonly allocatedResourcesStatus?: ResourceStatus[];
  readonly containerID?: string;
  readonly image: string;
  readonly imageID: string;
  readonly lastState?: ContainerState<Time>;
  readonly name: string;
  readonly ready: boolean;
  readonly resources?: ContainerStatusResources;
  readonly restartCount: number;
  readonly started?: boolean;
  readonly state?: ContainerState<Time>;
  readonly stopSignal?: string;
  readonly user?: ContainerUser;
  readonly volumeMounts?: VolumeMountStatus[];
}

/** The state of a container. At most one field is set; none means waiting. */
export interface ContainerState<Time = Date | string> {
  readonly running?: ContainerStateRunning<Time>;
  readonly terminated?: ContainerStateTerminated<Time>;
  readonly waiting?: ContainerStateWaiting;
}

/** The container runs. */
export interface ContainerStateRunning<Time = Date | string> {
  readonly startedAt?: Time;
}

/** The container has ended. */
export interface ContainerStateTerminated<Time = Date | string> {
  readonly containerID?: string;
  readonly exitCode: number;
  readonly finishedAt?: Time;
  readonly message?: string;
  readonly reason?: string;
  readonly signal?: number;
  readonly startedAt?: Time;
}

/** The container does not run yet. */
export interface ContainerStateWaiting {
  readonly message?: string;
  readonly reason?: string;
}

/** The user of the first process of a container. */
export interface ContainerUser {
  readonly linux?: LinuxContainerUser;
}

/** User and groups on Linux. */
export interface LinuxContainerUser {
  readonly gid: number;
  readonly supplementalGroups?: number[];
  readonly uid: number;
}

/** A mounted volume. */
export interface VolumeMountStatus {
  readonly mountPath: string;
  readonly name: string;
  readonly readOnly?: boolean;
  readonly recursiveReadOnly?: string;
}

/** The status of a resource. */
export interface ResourceStatus {
  readonly name: string;
  readonly resources?: ResourceHealth[];
}

/** The health of a device. */
export interface ResourceHealth {
  readonly health?: string;
  readonly resourceID: string;
}

/** An address of the node. */
export interface HostIP {
  readonly ip: string;
}

/** An address of the pod. */
export interface PodIP {
  readonly ip: string;
}

/** The claim that was created for `spec.resourceClaims`. */
export interface PodResourceClaimStatus {
  readonly name: string;
  readonly resourceClaimName?: string;
}

/** The claim that was created for extended resources. */
export interface PodExtendedResourceClaimStatus {
  readonly requestMappings: ContainerExtendedResourceRequest[];
  readonly resourceClaimName: string;
}

/** A request of a container that a claim serves. */
export interface ContainerExtendedResourceRequest {
  readonly containerName: string;
  readonly requestName: string;
  readonly resourceName: string;
}

/** The resources that a container has. */
export interface ContainerStatusResources {
  readonly claims?: { readonly name: string; readonly request?: string }[];
  readonly limits?: { [name: string]: string };
  readonly requests?: { [name: string]: string };
}
