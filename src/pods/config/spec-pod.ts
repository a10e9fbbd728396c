import type { WindowsPodSandboxConfig } from "../../../gen/runtime/v1/api_pb.js";
import type { ResourcesSpec } from "./spec-resources.js";
import type { PodSecuritySpec } from "./spec-security.js";

/** Where a port of a pod is reached from the host. */
export interface PortSpec {
  /** The port in the pod, 1 to 65535: PortMapping.container_port. */
  readonly containerPort: number;
  /**
   * The port on the host, 0 to 65535: PortMapping.host_port.
   * @default 0, which maps nothing; on the host's network the same as `containerPort`
   */
  readonly hostPort?: number | undefined;
  /**
   * The address of the host that the port is bound to: PortMapping.host_ip.
   * @default "", every address
   */
  readonly hostIp?: string | undefined;
  /**
   * PortMapping.protocol.
   * @default "TCP"
   */
  readonly protocol?: "TCP" | "UDP" | "SCTP" | undefined;
}

/** The resolver of a pod: DNSConfig. Limits are those of the kubelet; more than that is refused, not cut. */
export interface DnsSpec {
  /** Addresses of name servers, three at most: DNSConfig.servers. */
  readonly servers?: readonly string[] | undefined;
  /** Search domains, 32 at most, 2,048 characters in all: DNSConfig.searches. */
  readonly searches?: readonly string[] | undefined;
  /** Options as in resolv.conf, `ndots:5`: DNSConfig.options. */
  readonly options?: readonly string[] | undefined;
}

interface SharedNamespaces {
  /**
   * The host's network: NamespaceOption.network NODE, else POD.
   * @default false
   */
  readonly hostNetwork?: boolean | undefined;
  /**
   * Whose processes a container sees: its own (CONTAINER), those of its pod (POD), or the host's (NODE):
   * NamespaceOption.pid. CRI's zero value would be POD; the kubelet's default, and ours, is CONTAINER.
   * @default "container"
   */
  readonly pid?: "container" | "pod" | "host" | undefined;
  /**
   * The host's System V IPC: NamespaceOption.ipc NODE, else POD.
   * @default false
   */
  readonly hostIpc?: boolean | undefined;
  readonly users?: undefined;
}

/** Users of its own go with no other namespace of the host. */
interface OwnUsers {
  readonly hostNetwork?: false | undefined;
  readonly pid?: "container" | "pod" | undefined;
  readonly hostIpc?: false | undefined;
  /**
   * A user namespace of the pod: NamespaceOption.userns_options POD with these mappings, else NODE; and the mappings of each
   * mount of its containers. Without `gids`, groups are mapped as users are. Needs a runtime handler with the feature; see
   * `cri.features()`.
   * @default none: the host's users
   */
  readonly users: { readonly uids: IdRange; readonly gids?: IdRange | undefined };
}

/** Which of the host's namespaces a pod shares: NamespaceOption of the sandbox and of its containers. */
export type NamespacesSpec = SharedNamespaces | OwnUsers;

/** A range of user or group ids, mapped into a user namespace: IDMapping. */
export interface IdRange {
  /** The first id on the host: IDMapping.host_id. */
  readonly hostId: number;
  /**
   * The first id in the container: IDMapping.container_id.
   * @default 0
   */
  readonly containerId?: number | undefined;
  /**
   * How many ids: IDMapping.length.
   * @default 65_536
   */
  readonly length?: number | undefined;
}

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
   * @default a random UUID; for `ensure`, one that follows from namespace and name
   */
  readonly uid?: string | undefined;
  /**
   * PodSandboxMetadata.attempt: how often this pod had a sandbox before. `ensure` counts by itself.
   * @default 0
   */
  readonly attempt?: number | undefined;
  /** The pod's labels. Those that the kubelet writes (`io.kubernetes.pod.name`, ...) are added: PodSandboxConfig.labels. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** PodSandboxConfig.annotations. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /**
   * The runtime handler, as `cri.features()` lists them: RunPodSandboxRequest.runtime_handler.
   * @default "", the runtime's default
   */
  readonly runtimeHandler?: string | undefined;
  /** PodSandboxConfig.dns_config. @default none: the runtime gives the pod the host's resolver */
  readonly dns?: DnsSpec | undefined;
  /** PodSandboxConfig.port_mappings. @default none */
  readonly ports?: readonly PortSpec[] | undefined;
  /** Kernel parameters of the pod's namespaces, `net.ipv4.ip_unprivileged_port_start`: LinuxPodSandboxConfig.sysctls. */
  readonly sysctls?: Readonly<Record<string, string>> | undefined;
  /** Who the pod runs as, and what it may: LinuxSandboxSecurityContext. Containers have one of their own. */
  readonly security?: PodSecuritySpec | undefined;
  /**
   * What all containers may use together, as `podResources()` adds it up: LinuxPodSandboxConfig.resources. containerd and CRI-O
   * take it as information, and set no limit.
   */
  readonly resources?: ResourcesSpec | undefined;
  /** What the sandbox itself needs: LinuxPodSandboxConfig.overhead. */
  readonly overhead?: ResourcesSpec | undefined;
  /**
   * The cgroup that the pod's own are made in: LinuxPodSandboxConfig.cgroup_parent. `cgroupParent()` makes one for either
   * driver.
   * @default "", the runtime's choice; a pod of `cri.pods` gets one of its own, since containerd has no pod stats without
   */
  readonly cgroupParent?: string | undefined;
  /**
   * The folder of the pod's logs, absolute: PodSandboxConfig.log_directory. False for no logs.
   * @default `<logRoot>/<namespace>_<name>_<uid>`, as the kubelet's
   */
  readonly logDirectory?: string | false | undefined;
  /** PodSandboxConfig.windows, passed through as it is. */
  readonly windows?: WindowsPodSandboxConfig | undefined;
}

/** A pod on the host's network has the host's name. */
type NamedSpec =
  | {
      /** Which namespaces of the host the pod shares. @default none */
      readonly namespaces?: NamespacesSpec | undefined;
      readonly hostname?: undefined;
      readonly domain?: undefined;
    }
  | {
      readonly namespaces?: (NamespacesSpec & { readonly hostNetwork?: false | undefined }) | undefined;
      /**
       * A DNS label, or a subdomain where there is no `domain`: PodSandboxConfig.hostname. Cut to 63 characters, without `-` and
       * `.` at the end, as the kubelet does. None with `hostNetwork`.
       * @default the pod's name
       */
      readonly hostname?: string | undefined;
      /**
       * A domain, put behind the hostname: `web` and `db.prod.svc.cluster.local` give `web.db.prod.svc.cluster.local`, of up to
       * 64 characters. The kubelet does this for `setHostnameAsFQDN`.
       * @default none
       */
      readonly domain?: string | undefined;
    };

/** A pod in the user's words. `sandboxConfig()` makes the whole PodSandboxConfig of it. */
export type PodSpec = PodBase & NamedSpec;
