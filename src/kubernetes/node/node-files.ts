import type { ContainerConfig } from "../../../gen/runtime/v1/api_pb.js";
import type { Pod } from "../api/index.js";
import type { PlannedContainer } from "../config/pod-configs.js";
import type { VolumePlan } from "../config/volume-plans.js";

/** What {@link NodeFiles.preparePod} and {@link NodeFiles.updateVolumes} report. */
export interface PreparedPod {
  /** What differs from the manifest, for people: such as a secret that is kept on disk. Empty in the usual case. */
  readonly notices: readonly string[];
}

/** What {@link NodeFiles.prepareContainer} reports. */
export interface PreparedContainer {
  /** The config for CreateContainer. */
  readonly config: ContainerConfig;
  /** As in {@link PreparedPod}. */
  readonly notices: readonly string[];
}

/**
 * The files and mounts of pods on this node. Every method can be called again after it failed, or after the process died in it. Calls for
 * one pod must not overlap. Pods need `metadata.uid`, `name` and `namespace`. Errors have the reason `volume_failed`.
 */
export interface NodeFiles {
  /** Prepares the volumes and the log folder, before RunPodSandbox. Files of volumes are written anew where they differ. */
  preparePod(pod: Pod, volumes: readonly VolumePlan[], signal?: AbortSignal): Promise<PreparedPod>;
  /** Writes the files of configMap, secret, downwardAPI and projected volumes anew where they differ, each volume atomically. */
  updateVolumes(pod: Pod, volumes: readonly VolumePlan[], signal?: AbortSignal): Promise<PreparedPod>;
  /** Prepares subPaths, /etc/hosts, the termination log and the log folder, before CreateContainer. */
  prepareContainer(pod: Pod, container: PlannedContainer, signal?: AbortSignal): Promise<PreparedContainer>;
  /** Creates the link in `containerLogsDir` to a container's log, after StartContainer; does nothing without that option. */
  linkLog(pod: Pod, containerName: string, containerId: string, logPath: string): Promise<void>;
  /** Removes the link of {@link linkLog}, and the file of the termination message, after RemoveContainer. */
  removeContainer(
    pod: Pod,
    container: {
      readonly name: string;
      readonly id: string;
      readonly terminationMessageHostPath?: string | undefined;
    },
  ): Promise<void>;
  /** Returns the last 4,096 bytes of a termination message; "" where there is none. Links are not followed. */
  readTerminationMessage(hostPath: string): Promise<string>;
  /**
   * Returns `PodInputs.userNamespaceHostId` of a pod with `hostUsers: false`: the first of 65,536 ids that no other pod of this root
   * folder has, also in other processes. The pod has them until `removePod`.
   */
  userNamespaceHostId(podUid: string, signal?: AbortSignal): Promise<number>;
  /** Returns the uids of the pods that have files on this node. */
  listPods(): Promise<readonly string[]>;
  /**
   * Unmounts and removes the volumes of a pod whose containers have ended for good; the rest stays until `removePod`, so that the pod is still
   * in `listPods`. Optional: without it, volumes stay as long.
   */
  releaseVolumes?(podUid: string, signal?: AbortSignal): Promise<void>;
  /**
   * Unmounts and removes everything of a pod but its logs, from what is on disk; for a pod without files, it does nothing. Its containers
   * must be stopped.
   */
  removePod(podUid: string, signal?: AbortSignal): Promise<void>;
  /** Removes the log folders of a pod, and the links to them. */
  removeLogs(podUid: string): Promise<void>;
}
