/** What the program `resting-kubelet.ts` runs. */
export interface RestingKubeletPlan {
  readonly endpoint: string;
  readonly rootDir: string;
  readonly image: string;
  /** The cgroup above those of the pods; undefined for a runtime without cgroups. */
  readonly cgroupRoot?: string;
  /** How many Pods of one sleeping container are run. */
  readonly pods: number;
  /** The pause between the last running pod and the measurement, in milliseconds. */
  readonly settleMs: number;
  /** The length of the measurement, in milliseconds. */
  readonly restMs: number;
}

/** What the process of the kubelet used. */
export interface RestingKubeletReport {
  readonly secondsToRunning: number;
  readonly cpuMsPerSecond: number;
  readonly residentMegabytes: number;
  /** The calls to the runtime at rest, by their CRI names. */
  readonly calls: Readonly<Record<string, number>>;
}
