/** The paths of a pod's files on its node: the kubelet's layout. */
import { join } from "node:path";
import { criError, describe } from "../../core/index.js";

/** Returns the folder of all pods. */
export function podsFolder(rootDir: string): string {
  return join(rootDir, "pods");
}

/** Returns the folder of a pod's files. */
export function podFolder(rootDir: string, podUid: string): string {
  return join(podsFolder(rootDir), checkName("metadata.uid", podUid));
}

/** Returns the folders of a pod with its volumes and the parts of them that are bound. */
export function podVolumeFolders(rootDir: string, podUid: string): readonly string[] {
  return [subPathsFolder, volumesFolder].map((name) => join(podFolder(rootDir, podUid), name));
}

const volumesFolder = "volumes";
const subPathsFolder = "volume-subpaths";

/** The folders of volumes that this package fills, by their source. */
const volumeFolders = {
  emptyDir: "kubernetes.io~empty-dir",
  configMap: "kubernetes.io~configmap",
  secret: "kubernetes.io~secret",
  downwardAPI: "kubernetes.io~downward-api",
  projected: "kubernetes.io~projected",
  /** Volumes that a plug-in of the caller mounts. */
  plugin: "cri-sdk~plugin",
} as const;

/** The sources of volumes that have a folder of their own. */
export type VolumeFolderKind = keyof typeof volumeFolders;

/** Returns the folder of a volume, the `hostPath` of its plan. Volumes of hostPath and image have none. */
export function volumeFolder(
  rootDir: string,
  podUid: string,
  kind: VolumeFolderKind,
  volumeName: string,
): string {
  return join(
    podFolder(rootDir, podUid),
    volumesFolder,
    volumeFolders[kind],
    checkName("volume", volumeName),
  );
}

/** Returns where a part of a volume is bound for one mount. `mountIndex` counts `volumeMounts` from 0. */
export function subPathMountPath(
  rootDir: string,
  podUid: string,
  volumeName: string,
  containerName: string,
  mountIndex: number,
): string {
  return join(
    podFolder(rootDir, podUid),
    subPathsFolder,
    checkName("volume", volumeName),
    checkName("container", containerName),
    String(mountIndex),
  );
}

/** Returns the file that the containers of a pod have as /etc/hosts. */
export function hostsFilePath(rootDir: string, podUid: string): string {
  return join(podFolder(rootDir, podUid), "etc-hosts");
}

/**
 * Returns the file of a container's termination message.
 *
 * @param instance eight hexadecimal digits, different for each instance of the container
 */
export function terminationLogPath(
  rootDir: string,
  podUid: string,
  containerName: string,
  instance: string,
): string {
  if (!/^[0-9a-f]{8}$/.test(instance))
    throw criError("invalid_option", `instance must be eight hexadecimal digits, got ${describe(instance)}`);
  return join(podFolder(rootDir, podUid), "containers", checkName("container", containerName), instance);
}

/** Returns the folder of a pod's logs, `PodSandboxConfig.log_directory`. */
export function podLogFolder(
  podLogsDir: string,
  pod: { readonly namespace: string; readonly name: string; readonly uid: string },
): string {
  const name = `${pod.namespace}_${pod.name}_${pod.uid}`;
  return join(podLogsDir, checkName("the name of the pod's log folder", name));
}

/** A name that is one part of a path must not lead elsewhere. */
function checkName(what: string, name: string): string {
  if (name === "" || name === "." || name === ".." || /[/\0]/.test(name))
    throw criError(
      "invalid_spec",
      `${what}: must be a name without "/" that is not empty, got ${describe(name)}`,
    );
  return name;
}
