import type { ContainerUser } from "../api/index.js";

/** A sandbox of the pod, as the runtime reports it. */
export interface ObservedSandbox {
  /** PodSandboxStatus.id */
  readonly id: string;
  /** PodSandboxMetadata.attempt */
  readonly attempt: number;
  /** Whether its state is SANDBOX_READY. */
  readonly isReady: boolean;
  /** 0: the runtime has lost it. */
  readonly createdAtNanos: bigint;
  /** Whether it is on the network of the node. */
  readonly hostNetwork: boolean;
  /** The first address, then the others; empty while there is none. Undefined: the runtime reports no network. */
  readonly ips: readonly string[] | undefined;
  /** "" for the default handler. */
  readonly runtimeHandler: string;
}

/** A container of the pod, as ContainerStatus reports it. */
export interface ObservedContainer {
  /** ContainerStatus.id */
  readonly id: string;
  /** The name in the Pod. */
  readonly name: string;
  /** The sandbox that it is in. */
  readonly sandboxId: string;
  /** ContainerStatus.state */
  readonly state: "created" | "running" | "exited" | "unknown";
  /** 0: the runtime has lost it. */
  readonly createdAtNanos: bigint;
  /** 0 for never. */
  readonly startedAtNanos: bigint;
  /** 0 as long as it has not exited. */
  readonly finishedAtNanos: bigint;
  /** The exit code; 0 as long as it has not exited. */
  readonly exitCode: number;
  /** The reason of the runtime for its end, such as "Completed" or "OOMKilled". */
  readonly reason: string;
  /** The message of the runtime about its end; "" for none. */
  readonly message: string;
  /** status.image.image and image_ref */
  readonly image: string;
  /** ContainerStatus.image_ref: the digest or id of the image. */
  readonly imageRef: string;
  /** From the annotations `io.kubernetes.container.restartCount` and `.hash`; the hash is undefined where it is missing. */
  readonly restartCount: number;
  /** The hash of what the container was created from. */
  readonly hash: string | undefined;
  /** ContainerStatus.annotations */
  readonly annotations: Readonly<Record<string, string>>;
  /** The absolute path of its log. */
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
  /** The weight for the distribution of CPU time. */
  readonly cpuShares: bigint;
  /** The CPU time per period, in microseconds. */
  readonly cpuQuota: bigint;
  /** The period of CFS quotas, in microseconds. */
  readonly cpuPeriod: bigint;
  /** The memory limit, in bytes. */
  readonly memoryLimitBytes: bigint;
}

/** What the runtime reports of one pod. Both lists have the newest first. */
export interface ObservedPod {
  /** All sandboxes, also those that are not ready. */
  readonly sandboxes: readonly ObservedSandbox[];
  /** All instances of all containers. */
  readonly containers: readonly ObservedContainer[];
}
