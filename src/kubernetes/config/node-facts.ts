import type { Resources } from "../api/index.js";

/** What the configs of pods depend on about a node. `nodeFacts(cri)` reads it; every field can be given instead. */
export interface NodeFacts {
  /** `spec.nodeName` of Pods, and what `$(spec.nodeName)` becomes. */
  readonly nodeName: string;
  /** The addresses of the node; the family of the first is the node's. */
  readonly nodeIPs: readonly string[];
  /** The memory of the node, for OOM scores and swap limits. */
  readonly memoryBytes: bigint;
  /** The swap of the node. */
  readonly swapBytes: bigint;
  /** What pods may use, for resourceFieldRef without a limit. Absent resources count as 0. */
  readonly allocatable: Resources;
  /** The version of the cgroup hierarchy. */
  readonly cgroupVersion: 1 | 2;
  /** Undefined when the runtime does not report it: then the runtime chooses the cgroup of pods. */
  readonly cgroupDriver: "systemd" | "cgroupfs" | undefined;
  /** The cgroup above `kubepods`: `/` for none. */
  readonly cgroupRoot: string;
  /** The sizes of huge pages of the node, such as "2MB" and "1GB". */
  readonly hugePageSizes: readonly string[];
  /** Whether the cgroups of the node limit huge pages. */
  readonly hasHugetlbController: boolean;
  /** Whether the cgroups of the node limit swap. */
  readonly hasSwapController: boolean;
  /** NoSwap is the kubelet's default. */
  readonly swapBehavior: "NoSwap" | "LimitedSwap";
  /** Whether CPU limits become CFS quotas, and their period: 100,000 µs. */
  readonly cpuCfsQuota: boolean;
  /** The period of CFS quotas, in microseconds. */
  readonly cpuCfsPeriodMicros: number;
  /** Whether the OOM killer kills single processes instead of containers: the kubelet's default on cgroup v1. */
  readonly singleProcessOomKill: boolean;
  /** Memory QoS of cgroup v2 (alpha, off by default). */
  readonly memoryQos: "off" | "None" | "TieredReservation";
  /** The size of a memory page, in bytes. */
  readonly pageSizeBytes: number;
  /** The addresses of the cluster's DNS, for the policy ClusterFirst. Empty for none. */
  readonly clusterDns: readonly string[];
  /** "" for none. */
  readonly clusterDomain: string;
  /** The text of the node's resolv.conf; undefined when the kubelet is configured without one. */
  readonly resolvConf: string | undefined;
  /** The text of the node's /etc/hosts, for pods in the host's network. */
  readonly hostsFile: string;
  /** The folder of pods' volumes, and of `seccomp/`: /var/lib/kubelet. */
  readonly rootDir: string;
  /** /var/log/pods */
  readonly podLogsDir: string;
  /** Whether containers without a seccomp profile have RuntimeDefault. */
  readonly seccompDefault: boolean;
  /** The existing files /sys/devices/system/cpu/cpuN/thermal_throttle, which containers must not see. */
  readonly thermalThrottlePaths: readonly string[];
  /** Whether SELinux is enabled: then volumes are relabelled. */
  readonly selinux: boolean;
  /** The features of the runtime. */
  readonly runtimeFeatures: {
    /** Whether Pods may set `supplementalGroupsPolicy`. */
    readonly supplementalGroupsPolicy: boolean;
    /** Whether a pod in the host's network may have a user namespace. */
    readonly userNamespacesHostNetwork: boolean;
  };
  /** The features of the runtime's handlers by name; "" is the default handler. Empty for runtimes that do not report them. */
  readonly runtimeHandlers: Readonly<
    Record<
      string,
      {
        /** Whether pods may have a user namespace of their own. */
        readonly userNamespaces: boolean;
        /** Whether mounts may be read-only with all mounts below them. */
        readonly recursiveReadOnlyMounts: boolean;
      }
    >
  >;
  /** Version.runtime_name, the scheme of container ids in statuses. */
  readonly runtimeName: string;
}
