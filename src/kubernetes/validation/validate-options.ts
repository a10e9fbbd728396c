import type { PodInputs } from "../config/pod-inputs.js";

/** Options of {@link validatePod} and {@link checkPod}. */
export interface ValidatePodOptions {
  /**
   * What the caller gives instead of an API server. A Pod that refers to ConfigMaps, Secrets or a RuntimeClass is refused unless
   * `configMaps`, `secrets` or `runtimeClasses` is given, even empty: an object that is missing is an error when the Pod runs, as it is
   * on a node.
   * @default none
   */
  readonly inputs?: Pick<PodInputs, "configMaps" | "secrets" | "runtimeClasses"> | undefined;
  /**
   * The sources of volumes that plug-ins of the caller mount, such as "persistentVolumeClaim", "csi" and "nfs".
   * @default none
   */
  readonly volumePlugins?: readonly string[] | undefined;
}
