import { OptionTable, option } from "../../core/index.js";
import { podInputsTable } from "../config/input-checks.js";
import type { PodInputs } from "../config/pod-inputs.js";
import type { ManifestPlace } from "../manifests/parsed-manifests.js";
import { type VolumePlugins, volumePluginsTable } from "../node/volume-plugin.js";

/** Options of {@link validatePod} and {@link checkPod}. */
export interface ValidatePodOptions {
  /**
   * The objects that the caller provides instead of an API server. A Pod that refers to ConfigMaps, Secrets or a RuntimeClass is
   * refused unless `configMaps`, `secrets` or `runtimeClasses` is given, even empty: an object that is missing is an error when the Pod
   * runs, as it is on a node. The same holds for service accounts, their tokens and `serviceAccountTokens`. Other inputs are not used.
   * @default none
   */
  readonly inputs?: PodInputs | undefined;
  /**
   * The plug-ins that mount volumes which this package cannot, by their source, such as `persistentVolumeClaim`. Volumes of other sources
   * are refused.
   * @default none
   */
  readonly volumePlugins?: VolumePlugins | undefined;
  /**
   * Sysctls beyond those that the kubelet considers safe, as its `allowedUnsafeSysctls`: names, or prefixes that end with `*`, such as
   * `net.core.*`.
   * @default none
   */
  readonly allowedUnsafeSysctls?: readonly string[] | undefined;
  /**
   * The extended resources, such as `example.com/device`, that the caller gives to containers. Others are refused, since no device plug-in
   * provides them.
   * @default none
   */
  readonly extendedResources?: readonly string[] | undefined;
  /**
   * Whether other programs set the conditions of `spec.readinessGates`, through an API server. Otherwise Pods with gates are refused.
   * @default false
   */
  readonly readinessGates?: boolean | undefined;
  /**
   * Returns the place of a field in the manifest: `placeOf` of an object of `parseManifests`. Each message then ends with it.
   * @default none
   */
  readonly placeOf?: ((steps: readonly (string | number)[]) => ManifestPlace) | undefined;
}

export const validateTable = new OptionTable<ValidatePodOptions>({
  inputs: option.nested(podInputsTable),
  volumePlugins: option.nested(volumePluginsTable),
  allowedUnsafeSysctls: option.listOf(option.nonEmptyString),
  extendedResources: option.listOf(option.nonEmptyString),
  readinessGates: option.boolean,
  placeOf: option.callback,
});
