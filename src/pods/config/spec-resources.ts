/**
 * A Kubernetes quantity: `"250m"`, `"64Mi"`, `"1.5"`, `"1e3"`; or a number or bigint of whole units (CPUs, bytes).
 */
export type Quantity = string | number | bigint;

/** The resources of a container: LinuxContainerResources. Rules and numbers are those of the kubelet. */
export interface ResourcesSpec {
  /**
   * The CPU limit, in CPUs: cpu_quota per cpu_period; also cpu_shares, unless `requests.cpu` is set.
   * @default no limit
   */
  readonly cpu?: Quantity | undefined;
  /**
   * The memory limit, in bytes: memory_limit_in_bytes.
   * @default no limit
   */
  readonly memory?: Quantity | undefined;
  /** The requests: what the container is guaranteed. @default the limits */
  readonly requests?:
    | {
        /** In CPUs: cpu_shares. */
        readonly cpu?: Quantity | undefined;
        /** In bytes. CRI has no field for it; `oomScoreAdj()` uses it. */
        readonly memory?: Quantity | undefined;
      }
    | undefined;
  /**
   * cpu_period in microseconds, 1,000 to 1,000,000.
   * @default 100_000
   */
  readonly cpuPeriodUs?: number | undefined;
  /** The CPUs and memory nodes that the container may use, `"0-3,7"`: cpuset_cpus and cpuset_mems. @default all */
  readonly cpuset?:
    | {
        /** The CPUs. @default all */
        readonly cpus?: string | undefined;
        /** The memory nodes. @default all */
        readonly mems?: string | undefined;
      }
    | undefined;
  /** The limit of memory and swap together, in bytes: memory_swap_limit_in_bytes; -1 for no limit. @default not set */
  readonly memorySwap?: Quantity | undefined;
  /** Limits of huge pages by page size, `{ "2Mi": "64Mi" }`, each a multiple of the size: hugepage_limits. @default none */
  readonly hugepages?: Readonly<Record<string, Quantity>> | undefined;
  /**
   * From -1000 to 1000: oom_score_adj. The higher, the earlier the kernel kills the container when memory runs out.
   * @default 0. `oomScoreAdj()` computes the kubelet's
   */
  readonly oomScoreAdj?: number | undefined;
  /** Files of cgroup v2 with the content to write, `{ "memory.high": "100000000" }`: unified. @default none */
  readonly unified?: Readonly<Record<string, string>> | undefined;
}
