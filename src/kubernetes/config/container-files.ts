/** What a container needs on its node before CreateContainer, beside the volumes of its pod. */
export interface ContainerFiles {
  /** The mounts with a subPath or subPathExpr, except those of image volumes: the runtime resolves theirs. */
  readonly subPaths: readonly SubPathPlan[];
  /** The file that is mounted at /etc/hosts; undefined where a volume is mounted there, or nothing. */
  readonly hosts: HostsFilePlan | undefined;
  /** The host path of the file for the termination message, `terminationLogPath()`; undefined where the container has none. */
  readonly terminationLog: string | undefined;
}

/** A part of a volume that is mounted on its own. */
export interface SubPathPlan {
  /** For error texts, such as `spec.containers[0].volumeMounts[2].subPath`. */
  readonly field: string;
  /** The path of the volume on the node: `VolumePlan.hostPath`. */
  readonly volumePath: string;
  /** Relative to the volume; variables of subPathExpr are replaced. */
  readonly subPath: string;
  /** What `ContainerConfig.mounts` has as `hostPath`: `subPathMountPath()`. The part of the volume is bound there. */
  readonly hostPath: string;
}

/** The file that is mounted at /etc/hosts. */
export interface HostsFilePlan {
  /** `hostsFilePath()` */
  readonly hostPath: string;
  /** `hostsFileText()` */
  readonly content: string;
}
