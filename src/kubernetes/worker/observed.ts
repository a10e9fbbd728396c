import type { ContainerUser } from "../api/index.js";

/** A sandbox of the pod, as the runtime reports it. */
export interface ObservedSandbox {
  readonly id: string;
  readonly attempt: number;
  readonly isReady: boolean;
  /** 0: the runtime has lost it. */
  readonly createdAtNanos: bigint;
  readonly hostNetwork: boolean;
  /** The first address, then the others; empty while there is none. Undefined: the runtime reports no network. */
  readonly ips: readonly string[] | undefined;
  readonly runtimeHandler: string;
}

/** A container of the pod, as ContainerStatus reports it. */
export interface ObservedContainer {
  readonly id: string;
  readonly name: string;
  readonly sandboxId: string;
  readonly state: "created" | "running" | "exited" | "unknown";
  /** 0: the runtime has lost it. */
  readonly createdAtNanos: bigint;
  /** 0 for never. */
  readonly startedAtNanos: bigint;
  readonly finishedAtNanos: bigint;
  readonly exitCode: number;
  readonly reason: string;
  readonly message: string;
  /** status.image.image and image_ref */
  readonly image: string;
  readonly imageRef: string;
  /** From the annotations `io.kubernetes.container.restartCount` and `.hash`; the hash is undefined where it is missing. */
  readonly restartCount: number;
  readonly hash: string | undefined;
  readonly annotations: Readonly<Record<string, string>>;
  readonly logPath: string;
  /** The host path of the termination message, from the mounts of the status. */
  readonly terminationMessageHostPath: string | undefined;
  /** The user and groups of the first process; undefined where the runtime does not report them. */
  readonly user: ContainerUser | undefined;
  /** CPU and memory as the runtime has set them; absent where it does not report them. */
  readonly resources?: ObservedResources | undefined;
}

/** LinuxContainerResources, as far as it is reported. 0 for none. */
export interface ObservedResources {
  readonly cpuShares: bigint;
  readonly cpuQuota: bigint;
  readonly cpuPeriod: bigint;
  readonly memoryLimitBytes: bigint;
}

/** What the runtime reports of one pod. Both lists have the newest first. */
export interface ObservedPod {
  readonly sandboxes: readonly ObservedSandbox[];
  readonly containers: readonly ObservedContainer[];
}
