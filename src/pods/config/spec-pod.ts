import type { WindowsPodSandboxConfig } from "../../../gen/runtime/v1/api_pb.js";
import type { ResourcesSpec } from "./spec-resources.js";
import type { PodSecuritySpec } from "./spec-security.js";

/** A port of a pod and its mapping on the host: PortMapping. */
export interface PortSpec {
  /** The port in the pod, 1 to 65535: PortMapping.container_port. */
  readonly containerPort: number;
  /**
   * The port on the host, 0 to 65535: PortMapping.host_port.
   * @default 0, no mapping; on the host network `containerPort`
   */
  readonly hostPort?: number | undefined;
  /**
   * The host address to bind: PortMapping.host_ip.
   * @default "", every address
   */
  readonly hostIp?: string | undefined;
  /**
   * PortMapping.protocol.
   * @default "TCP"
   */
  readonly protocol?: "TCP" | "UDP" | "SCTP" | undefined;
}

/** The DNS resolver of a pod: DNSConfig. Values beyond the kubelet's limits are rejected, not truncated. */
export interface DnsSpec {
  /** IP addresses of at most three name servers: DNSConfig.servers. */
  readonly servers?: readonly string[] | undefined;
  /** At most 32 search domains with 2,048 characters in total: DNSConfig.searches. */
  readonly searches?: readonly string[] | undefined;
  /** Options of resolv.conf, such as `ndots:5`: DNSConfig.options. */
  readonly options?: readonly string[] | undefined;
}

/** The namespaces of a pod that shares the user namespace of the host. @inline */
interface SharedNamespaces {
  /**
   * Whether the pod is on the host network: NamespaceOption.network NODE, else POD.
   * @default false
   */
  readonly hostNetwork?: boolean | undefined;
  /**
   * Whose processes a container sees: its own (CONTAINER), the pod's (POD), or the host's (NODE): NamespaceOption.pid. CRI's zero value
   * is POD; the default here and in the kubelet is CONTAINER.
   * @default "container"
   */
  readonly pid?: "container" | "pod" | "host" | undefined;
  /**
   * Whether the pod shares the host's System V IPC: NamespaceOption.ipc NODE, else POD.
   * @default false
   */
  readonly hostIpc?: boolean | undefined;
  readonly users?: undefined;
}

/** A user namespace, which cannot be combined with a host namespace. @inline */
interface UserNamespace {
  readonly hostNetwork?: false | undefined;
  /** As without a user namespace, except for the processes of the host. @default "container" */
  readonly pid?: "container" | "pod" | undefined;
  readonly hostIpc?: false | undefined;
  /**
   * The id mappings of the pod's user namespace: NamespaceOption.userns_options POD, else NODE; also the mappings of its containers'
   * mounts. Without `gids`, groups are mapped like users. Requires a runtime handler with the feature, see `cri.features()`.
   * @default none: the host's user namespace
   */
  readonly users: {
    /** The user ids. */
    readonly uids: UserIdRange;
    /** The group ids. @default as `uids` */
    readonly gids?: UserIdRange | undefined;
  };
}

/** The host namespaces that a pod shares: NamespaceOption of the sandbox and of its containers. */
export type NamespacesSpec = SharedNamespaces | UserNamespace;

/** A range of user or group ids, mapped into a user namespace: IDMapping. */
export interface UserIdRange {
  /** The first id on the host: IDMapping.host_id. */
  readonly hostId: number;
  /**
   * The first id in the container: IDMapping.container_id.
   * @default 0
   */
  readonly containerId?: number | undefined;
  /**
   * The number of ids: IDMapping.length.
   * @default 65_536
   */
  readonly length?: number | undefined;
}

/** The fields that do not depend on each other. @inline */
interface PodBase {
  /** The pod's name, a DNS subdomain of up to 253 characters: PodSandboxMetadata.name. */
  readonly name: string;
  /**
   * PodSandboxMetadata.namespace, a DNS label.
   * @default "default"
   */
  readonly namespace?: string | undefined;
  /**
   * PodSandboxMetadata.uid.
   * @default a random UUID; for `ensure`, one derived from namespace and name
   */
  readonly uid?: string | undefined;
  /**
   * The number of earlier sandboxes of the pod: PodSandboxMetadata.attempt. `ensure` sets it itself.
   * @default 0
   */
  readonly attempt?: number | undefined;
  /**
   * The pod's labels: PodSandboxConfig.labels. Those of the kubelet (`io.kubernetes.pod.name`, ...) are added.
   * @default none
   */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** PodSandboxConfig.annotations. @default none */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /**
   * The runtime handler, one of those that `cri.features()` lists: RunPodSandboxRequest.runtime_handler.
   * @default "", the runtime's default
   */
  readonly runtimeHandler?: string | undefined;
  /** PodSandboxConfig.dns_config. @default none: the runtime gives the pod the host's resolver */
  readonly dns?: DnsSpec | undefined;
  /** PodSandboxConfig.port_mappings. @default none */
  readonly ports?: readonly PortSpec[] | undefined;
  /**
   * Kernel parameters of the pod's namespaces, such as `net.ipv4.ip_unprivileged_port_start`: LinuxPodSandboxConfig.sysctls.
   * @default none
   */
  readonly sysctls?: Readonly<Record<string, string>> | undefined;
  /** The security context of the sandbox: LinuxSandboxSecurityContext. Containers have their own. */
  readonly security?: PodSecuritySpec | undefined;
  /**
   * The sum of the containers' resources, as `podResources()` computes it: LinuxPodSandboxConfig.resources. For containerd and CRI-O it
   * is information only; they set no limit from it.
   * @default none
   */
  readonly resources?: ResourcesSpec | undefined;
  /** The resources of the sandbox itself: LinuxPodSandboxConfig.overhead. @default none */
  readonly overhead?: ResourcesSpec | undefined;
  /**
   * The parent of the pod's cgroups: LinuxPodSandboxConfig.cgroup_parent. `cgroupParent()` returns one for either cgroup driver.
   * @default "", the runtime's choice; for `cri.pods`, a cgroup of the pod's own, since containerd has no pod stats without one
   */
  readonly cgroupParent?: string | undefined;
  /**
   * The directory of the pod's logs, absolute: PodSandboxConfig.log_directory. False for no logs.
   * @default `<logRoot>/<namespace>_<name>_<uid>`, as in Kubernetes
   */
  readonly logDirectory?: string | false | undefined;
  /** PodSandboxConfig.windows, passed through. */
  readonly windows?: WindowsPodSandboxConfig | undefined;
}

/** The hostname of a pod; on the host network it is the host's. @inline */
type HostnameSpec =
  | {
      /** The host namespaces that the pod shares. @default none */
      readonly namespaces?: NamespacesSpec | undefined;
      readonly hostname?: undefined;
      readonly domain?: undefined;
    }
  | {
      /** The host namespaces that the pod shares, without the network of the host. @default none */
      readonly namespaces?: (NamespacesSpec & { readonly hostNetwork?: false | undefined }) | undefined;
      /**
       * A DNS label, or a subdomain without `domain`: PodSandboxConfig.hostname. Truncated to 63 characters, without `-` and `.` at the
       * end, as in the kubelet. Cannot be combined with `hostNetwork`.
       * @default the pod's name
       */
      readonly hostname?: string | undefined;
      /**
       * A domain to append to the hostname: `web` and `db.prod.svc.cluster.local` become `web.db.prod.svc.cluster.local`, of up to 64
       * characters. The kubelet does the same for `setHostnameAsFQDN`.
       * @default none
       */
      readonly domain?: string | undefined;
    };

/** The spec of a pod. `sandboxConfig()` turns it into a complete PodSandboxConfig. */
export type PodSpec = PodBase & HostnameSpec;
