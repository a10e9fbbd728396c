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
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: ObjectMeta;
  readonly spec?: PodSpec;
  /** Is not read, but for `qosClass`, which never changes, and `startTime`. */
  readonly status?: Pick<PodStatus, "phase" | "qosClass" | "startTime">;
}

/** The metadata of an object. */
export interface ObjectMeta {
  readonly annotations?: { readonly [name: string]: string };
  readonly creationTimestamp?: Date | string;
  readonly deletionGracePeriodSeconds?: number;
  readonly deletionTimestamp?: Date | string;
  readonly finalizers?: readonly string[];
  readonly generateName?: string;
  readonly generation?: number;
  readonly labels?: { readonly [name: string]: string };
  readonly managedFields?: readonly object[];
  readonly name?: string;
  readonly namespace?: string;
  readonly ownerReferences?: readonly OwnerReference[];
  readonly resourceVersion?: string;
  readonly selfLink?: string;
  readonly uid?: string;
}

/** The object that owns another one. */
export interface OwnerReference {
  readonly apiVersion: string;
  readonly blockOwnerDeletion?: boolean;
  readonly controller?: boolean;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
}

/** The spec of a Pod. `podFields` lists what becomes of each field. */
export interface PodSpec {
  /** After this time since its start, the Pod fails: at least 1. */
  readonly activeDeadlineSeconds?: number;
  readonly affinity?: object;
  readonly automountServiceAccountToken?: boolean;
  readonly containers: readonly Container[];
  readonly dnsConfig?: PodDNSConfig;
  /** "ClusterFirst", "ClusterFirstWithHostNet", "Default" (the node's) or "None". @default "ClusterFirst" */
  readonly dnsPolicy?: string;
  /** @default true */
  readonly enableServiceLinks?: boolean;
  readonly ephemeralContainers?: readonly EphemeralContainer[];
  readonly hostAliases?: readonly HostAlias[];
  readonly hostIPC?: boolean;
  readonly hostNetwork?: boolean;
  readonly hostPID?: boolean;
  /** false: the pod has a user namespace of its own. @default true */
  readonly hostUsers?: boolean;
  /** A DNS label. @default the name of the Pod */
  readonly hostname?: string;
  readonly hostnameOverride?: string;
  readonly imagePullSecrets?: readonly LocalObjectReference[];
  readonly initContainers?: readonly Container[];
  readonly nodeName?: string;
  readonly nodeSelector?: { readonly [name: string]: string };
  readonly os?: PodOS;
  /** What the sandbox itself needs; it is added to what the containers need. */
  readonly overhead?: Resources;
  /** "PreemptLowerPriority" or "Never". */
  readonly preemptionPolicy?: string;
  readonly priority?: number;
  readonly priorityClassName?: string;
  readonly readinessGates?: readonly PodReadinessGate[];
  readonly resourceClaims?: readonly PodResourceClaim[];
  /** The resources of the pod as a whole: cpu, memory and hugepages-SIZE. */
  readonly resources?: ResourceRequirements;
  /** "Always", "OnFailure" or "Never". @default "Always" */
  readonly restartPolicy?: string;
  readonly runtimeClassName?: string;
  /** @default "default-scheduler" */
  readonly schedulerName?: string;
  readonly schedulingGates?: readonly object[];
  readonly schedulingGroup?: object;
  readonly securityContext?: PodSecurityContext;
  readonly serviceAccount?: string;
  readonly serviceAccountName?: string;
  readonly setHostnameAsFQDN?: boolean;
  readonly shareProcessNamespace?: boolean;
  /** A DNS label: the domain is `<subdomain>.<namespace>.svc.<cluster domain>`. */
  readonly subdomain?: string;
  /** How long containers have to end before they are killed. @default 30 */
  readonly terminationGracePeriodSeconds?: number;
  readonly tolerations?: readonly Toleration[];
  readonly topologySpreadConstraints?: readonly object[];
  readonly volumes?: readonly Volume[];
  readonly workloadRef?: object;
}

/** Is merged with the settings that result from `dnsPolicy`. */
export interface PodDNSConfig {
  readonly nameservers?: readonly string[];
  readonly options?: readonly PodDNSConfigOption[];
  readonly searches?: readonly string[];
}

/** An option of resolv.conf. */
export interface PodDNSConfigOption {
  readonly name?: string;
  readonly value?: string;
}

/** A line of /etc/hosts. */
export interface HostAlias {
  readonly hostnames?: readonly string[];
  readonly ip?: string;
}

/** The operating system of the containers: "linux" or "windows". */
export interface PodOS {
  readonly name: string;
}

/** A condition that must be true for the Pod to be ready. */
export interface PodReadinessGate {
  readonly conditionType: string;
}

/** A ResourceClaim that containers refer to by name. */
export interface PodResourceClaim {
  readonly name: string;
  readonly resourceClaimName?: string;
  readonly resourceClaimTemplateName?: string;
}

/** The defaults of all containers for their security context, and what only a pod has. */
export interface PodSecurityContext {
  readonly appArmorProfile?: AppArmorProfile;
  /** The group that owns the volumes, and that every process has. */
  readonly fsGroup?: number;
  /** "Always" or "OnRootMismatch". @default "Always" */
  readonly fsGroupChangePolicy?: string;
  readonly runAsGroup?: number;
  readonly runAsNonRoot?: boolean;
  readonly runAsUser?: number;
  readonly seLinuxChangePolicy?: string;
  readonly seLinuxOptions?: SELinuxOptions;
  readonly seccompProfile?: SeccompProfile;
  readonly supplementalGroups?: readonly number[];
  /** "Merge" (with the groups of the image) or "Strict". @default "Merge" */
  readonly supplementalGroupsPolicy?: string;
  readonly sysctls?: readonly Sysctl[];
  readonly windowsOptions?: WindowsSecurityContextOptions;
}

/** A kernel parameter of the namespaces of the pod. */
export interface Sysctl {
  readonly name: string;
  readonly value: string;
}

/** A taint that the Pod tolerates. */
export interface Toleration {
  readonly effect?: string;
  readonly key?: string;
  readonly operator?: string;
  readonly tolerationSeconds?: number;
  readonly value?: string;
}
