/**
 * An amount as Kubernetes writes it: `"250m"`, `"64Mi"`, `"1.5"`, `"1e3"`; or a number or bigint of whole units (CPUs, bytes).
 */
export type Quantity = string | number | bigint;

/** What a container may use: LinuxContainerResources. Rules and numbers are the kubelet's. */
export interface ResourcesSpec {
  /**
   * How much CPU time it may have, in CPUs: cpu_quota, in each cpu_period; and cpu_shares unless `requests.cpu` is there.
   * @default no limit
   */
  readonly cpu?: Quantity | undefined;
  /**
   * How much memory it may have, in bytes: memory_limit_in_bytes.
   * @default no limit
   */
  readonly memory?: Quantity | undefined;
  /** What it is promised. @default as much as its limits */
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
  /** On which CPUs and memory nodes it runs, `"0-3,7"`: cpuset_cpus and cpuset_mems. @default all */
  readonly cpuset?: { readonly cpus?: string | undefined; readonly mems?: string | undefined } | undefined;
  /** Memory and swap together, in bytes: memory_swap_limit_in_bytes; -1 for no limit. @default none is said */
  readonly memorySwap?: Quantity | undefined;
  /** Huge pages by their size, `{ "2Mi": "64Mi" }`, each a multiple of it: hugepage_limits. @default none are said */
  readonly hugepages?: Readonly<Record<string, Quantity>> | undefined;
  /**
   * -1000 to 1000; the higher, the sooner it is killed when memory runs out: oom_score_adj.
   * @default 0. `oomScoreAdj()` computes the kubelet's
   */
  readonly oomScoreAdj?: number | undefined;
  /** Files of cgroup v2 and what is written into them, `{ "memory.high": "100000000" }`: unified. @default none */
  readonly unified?: Readonly<Record<string, string>> | undefined;
}
