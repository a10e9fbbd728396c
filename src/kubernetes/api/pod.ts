/** A `Pod` of core/v1, as Kubernetes 1.36 defines it. */
import type { Container, EphemeralContainer, ResourceRequirements, Resources } from "./container.js";
import type {
  AppArmorProfile,
  SELinuxOptions,
  SeccompProfile,
  WindowsSecurityContextOptions,
} from "./security.js";
import type { PodStatus } from "./status.js";
import type { LocalObjectReference, Volume } from "./volumes.js";

/** A core/v1 Pod. A `V1Pod` of @kubernetes/client-node and a `Pod` of kubernetes-types are assignable to it. */
export interface Pod {
  /** "v1". */
  readonly apiVersion?: string;
  /** "Pod". */
  readonly kind?: string;
  /** The name, namespace, labels and annotations of the Pod. */
  readonly metadata?: ObjectMeta;
  /** The desired state of the Pod. */
  readonly spec?: PodSpec;
  /** Is not read, but for `qosClass`, which never changes, and `startTime`. */
  readonly status?: Pick<PodStatus, "phase" | "qosClass" | "startTime">;
}

/** The metadata of an object. */
export interface ObjectMeta {
  /** Texts for programs. Handlers of runtimes read some of them. */
  readonly annotations?: { readonly [name: string]: string };
  /** When the API server created the object. */
  readonly creationTimestamp?: Date | string;
  /** The grace period of the deletion, in seconds. */
  readonly deletionGracePeriodSeconds?: number;
  /** When the grace period of the deletion ends. A Pod that has one is being stopped. */
  readonly deletionTimestamp?: Date | string;
  /** The object is kept until this list is empty. */
  readonly finalizers?: readonly string[];
  /** The beginning of a name that an API server completes. */
  readonly generateName?: string;
  /** Changes with the spec. */
  readonly generation?: number;
  /** Labels that selectors match. */
  readonly labels?: { readonly [name: string]: string };
  /** Which client owns which field. */
  readonly managedFields?: readonly object[];
  /** A DNS subdomain, unique in the namespace for the kind. */
  readonly name?: string;
  /** The namespace of the object. @default "default" */
  readonly namespace?: string;
  /** The objects with which this one is deleted. */
  readonly ownerReferences?: readonly OwnerReference[];
  /** Changes with each update of the object; opaque. */
  readonly resourceVersion?: string;
  /** Deprecated: API servers do not set it. */
  readonly selfLink?: string;
  /** Identifies this object: one of the same name that is created later has another uid. */
  readonly uid?: string;
}

/** The object that owns another one. */
export interface OwnerReference {
  /** The API of the owner, such as "apps/v1". */
  readonly apiVersion: string;
  /** Whether a deletion of the owner in the foreground waits for this object. @default false */
  readonly blockOwnerDeletion?: boolean;
  /** Whether the owner manages this object. At most one owner does. @default false */
  readonly controller?: boolean;
  /** The kind of the owner, such as "ReplicaSet". */
  readonly kind: string;
  /** The name of the owner. */
  readonly name: string;
  /** The uid of the owner. */
  readonly uid: string;
}

/** The spec of a Pod. `podFields` lists what becomes of each field. */
export interface PodSpec {
  /** After this time since its start, the Pod fails: at least 1. */
  readonly activeDeadlineSeconds?: number;
  /** For schedulers; has no effect on a node. */
  readonly affinity?: object;
  /** Whether each container gets a token of the service account. @default true in a cluster */
  readonly automountServiceAccountToken?: boolean;
  /** The containers of the Pod, at least one. They start in this order. */
  readonly containers: readonly Container[];
  /** Name servers, search domains and options, added to those of `dnsPolicy`. */
  readonly dnsConfig?: PodDNSConfig;
  /** "ClusterFirst", "ClusterFirstWithHostNet", "Default" (the node's) or "None". @default "ClusterFirst" */
  readonly dnsPolicy?: string;
  /** @default true */
  readonly enableServiceLinks?: boolean;
  /** Containers for debugging. They start with the Pod, and never restart. */
  readonly ephemeralContainers?: readonly EphemeralContainer[];
  /** Further lines of /etc/hosts. */
  readonly hostAliases?: readonly HostAlias[];
  /** Whether the pod shares the IPC namespace of the node. @default false */
  readonly hostIPC?: boolean;
  /** Whether the pod is on the network of the node. @default false */
  readonly hostNetwork?: boolean;
  /** Whether the pod shares the PID namespace of the node. @default false */
  readonly hostPID?: boolean;
  /** false: the pod has a user namespace of its own. @default true */
  readonly hostUsers?: boolean;
  /** A DNS label. @default the name of the Pod */
  readonly hostname?: string;
  /** A DNS subdomain: the host name of the pod, instead of `hostname`, `subdomain` and the name of the Pod. */
  readonly hostnameOverride?: string;
  /** Secrets with the credentials of registries. */
  readonly imagePullSecrets?: readonly LocalObjectReference[];
  /** Containers that run to their end one after the other before the others start. Sidecars keep running. */
  readonly initContainers?: readonly Container[];
  /** The node that the Pod is bound to. */
  readonly nodeName?: string;
  /** The labels of the nodes that a scheduler may choose. */
  readonly nodeSelector?: { readonly [name: string]: string };
  /** The operating system of the containers. */
  readonly os?: PodOS;
  /** What the sandbox itself needs; it is added to what the containers need. */
  readonly overhead?: Resources;
  /** "PreemptLowerPriority" or "Never". */
  readonly preemptionPolicy?: string;
  /** The importance of the Pod, for the order of evictions. */
  readonly priority?: number;
  /** The PriorityClass that `priority` comes from, such as "system-node-critical". */
  readonly priorityClassName?: string;
  /** Further conditions that must be true for the Pod to be ready. */
  readonly readinessGates?: readonly PodReadinessGate[];
  /** ResourceClaims that containers refer to by name. */
  readonly resourceClaims?: readonly PodResourceClaim[];
  /** The resources of the pod as a whole: cpu, memory and hugepages-SIZE. */
  readonly resources?: ResourceRequirements;
  /** "Always", "OnFailure" or "Never". @default "Always" */
  readonly restartPolicy?: string;
  /** The RuntimeClass, whose handler runs the pod. @default the default handler of the runtime */
  readonly runtimeClassName?: string;
  /** @default "default-scheduler" */
  readonly schedulerName?: string;
  /** What a scheduler waits for. Refused here. */
  readonly schedulingGates?: readonly object[];
  /** For schedulers; has no effect on a node. */
  readonly schedulingGroup?: object;
  /** The user, the groups and the security profiles of all containers. */
  readonly securityContext?: PodSecurityContext;
  /** The old name of `serviceAccountName`. */
  readonly serviceAccount?: string;
  /** The identity of the Pod at the API server. @default "default" */
  readonly serviceAccountName?: string;
  /** Whether the host name of the pod is its full domain name. @default false */
  readonly setHostnameAsFQDN?: boolean;
  /** Whether the containers share one PID namespace. @default false */
  readonly shareProcessNamespace?: boolean;
  /** A DNS label: the domain is `<subdomain>.<namespace>.svc.<cluster domain>`. */
  readonly subdomain?: string;
  /** How long containers have to end before they are killed. @default 30 */
  readonly terminationGracePeriodSeconds?: number;
  /** The taints that the Pod tolerates. */
  readonly tolerations?: readonly Toleration[];
  /** For schedulers; has no effect on a node. */
  readonly topologySpreadConstraints?: readonly object[];
  /** The volumes that containers may mount. */
  readonly volumes?: readonly Volume[];
  /** For schedulers; has no effect on a node. */
  readonly workloadRef?: object;
}

/** Is merged with the settings that result from `dnsPolicy`. */
export interface PodDNSConfig {
  /** Addresses of name servers. */
  readonly nameservers?: readonly string[];
  /** Options of resolv.conf. They replace options of the same name. */
  readonly options?: readonly PodDNSConfigOption[];
  /** Search domains. */
  readonly searches?: readonly string[];
}

/** An option of resolv.conf. */
export interface PodDNSConfigOption {
  /** Such as "ndots". */
  readonly name?: string;
  /** Such as "2"; undefined for an option without a value. */
  readonly value?: string;
}

/** A line of /etc/hosts. */
export interface HostAlias {
  /** The names of the address. */
  readonly hostnames?: readonly string[];
  /** The address. */
  readonly ip?: string;
}

/** The operating system of the containers: "linux" or "windows". */
export interface PodOS {
  /** "linux" or "windows". Pods for Windows are refused here. */
  readonly name: string;
}

/** A condition that must be true for the Pod to be ready. */
export interface PodReadinessGate {
  /** The type of the condition. */
  readonly conditionType: string;
}

/** A ResourceClaim that containers refer to by name. */
export interface PodResourceClaim {
  /** The name in this Pod, a DNS label. */
  readonly name: string;
  /** An existing ResourceClaim, instead of a template. */
  readonly resourceClaimName?: string;
  /** A template, from which the Pod gets a ResourceClaim of its own. */
  readonly resourceClaimTemplateName?: string;
}

/** The defaults of all containers for their security context, and what only a pod has. */
export interface PodSecurityContext {
  /** The AppArmor profile of the containers. */
  readonly appArmorProfile?: AppArmorProfile;
  /** The group that owns the volumes, and that every process has. */
  readonly fsGroup?: number;
  /** "Always" or "OnRootMismatch". @default "Always" */
  readonly fsGroupChangePolicy?: string;
  /** The primary group of the processes. @default that of the image */
  readonly runAsGroup?: number;
  /** Whether containers that would run as root do not start. @default false */
  readonly runAsNonRoot?: boolean;
  /** The user of the processes. @default that of the image */
  readonly runAsUser?: number;
  /** "MountOption" or "Recursive": how volumes get their label. */
  readonly seLinuxChangePolicy?: string;
  /** The SELinux label of the containers. */
  readonly seLinuxOptions?: SELinuxOptions;
  /** The seccomp profile of the containers. @default unconfined, or RuntimeDefault if the node has `seccompDefault` */
  readonly seccompProfile?: SeccompProfile;
  /** Further groups of the processes. */
  readonly supplementalGroups?: readonly number[];
  /** "Merge" (with the groups of the image) or "Strict". @default "Merge" */
  readonly supplementalGroupsPolicy?: string;
  /** Kernel parameters of the namespaces of the pod. */
  readonly sysctls?: readonly Sysctl[];
  /** For Windows only. Refused here. */
  readonly windowsOptions?: WindowsSecurityContextOptions;
}

/** A kernel parameter of the namespaces of the pod. */
export interface Sysctl {
  /** Such as "net.ipv4.ip_local_port_range"; "/" may separate the parts instead of ".". */
  readonly name: string;
  /** The value. */
  readonly value: string;
}

/** A taint that the Pod tolerates. */
export interface Toleration {
  /** "NoSchedule", "PreferNoSchedule" or "NoExecute". @default all effects */
  readonly effect?: string;
  /** The key of the taint. @default all keys, with the operator "Exists" */
  readonly key?: string;
  /** "Equal" or "Exists"; "Lt" and "Gt" compare numbers. @default "Equal" */
  readonly operator?: string;
  /** How long a "NoExecute" taint is tolerated. @default forever */
  readonly tolerationSeconds?: number;
  /** The value of the taint. */
  readonly value?: string;
}
