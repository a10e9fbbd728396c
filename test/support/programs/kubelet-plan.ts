import type { KubeletOptions } from "../../../src/kubelet/index.js";

/** The kubelet that the program runs. */
export interface KubeletPlan {
  readonly endpoint: string;
  /** Of an API server. */
  readonly kubeconfigFile: string;
  /** As JSON can have them. */
  readonly options: Pick<
    KubeletOptions,
    "rootDir" | "nodeName" | "node" | "withoutMounts" | "eviction" | "imageGarbageCollection" | "cgroups"
  >;
}
