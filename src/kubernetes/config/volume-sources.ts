import type { Volume } from "../api/index.js";
import { type VolumeFolderKind, volumeFolder } from "../node/pod-paths.js";
import { StartError } from "../start-error.js";
import type { NodeFacts } from "./node-facts.js";
import type { PodView } from "./pod-view.js";

/** The sources whose content this package writes: containers cannot change it. */
const fileSources = ["configMap", "secret", "downwardAPI", "projected"] as const;

/** Returns the path of a volume on the node; "" for an image, which the runtime mounts. */
export function volumeHostPath(view: PodView, node: Pick<NodeFacts, "rootDir">, volume: Volume): string {
  if (volume.hostPath) return checkHostPath(view, volume, volume.hostPath.path);
  if (volume.image) return "";
  const own: VolumeFolderKind | undefined = volume.emptyDir
    ? "emptyDir"
    : fileSources.find((source) => volume[source]);
  return volumeFolder(node.rootDir, view.uid, own ?? "plugin", volume.name);
}

function checkHostPath({ spec }: PodView, volume: Volume, path: string): string {
  if (path.startsWith("/") && !path.split("/").includes("..")) return path;
  const field = `spec.volumes[${spec.volumes.indexOf(volume)}].hostPath.path`;
  throw new StartError(
    "FailedMount",
    `${field}: must be an absolute path without "..", got ${JSON.stringify(path)}`,
  );
}

/** Reports whether containers may only read a volume: one of files, an image, or one that is defined as read-only. */
export function isReadOnlyVolume(volume: Volume): boolean {
  if (volume.image || fileSources.some((source) => volume[source])) return true;
  const { name: _, ...sources } = volume;
  return Object.values(sources).some(
    (source) => typeof source === "object" && "readOnly" in source && source.readOnly === true,
  );
}

/** Reports whether the pod owns a volume's files, so that they may get the SELinux label of its containers. */
export function isPodsOwnVolume(volume: Volume): boolean {
  return volume.emptyDir !== undefined || fileSources.some((source) => volume[source]);
}
