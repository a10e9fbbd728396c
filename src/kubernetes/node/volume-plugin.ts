import { OptionTable, option } from "../../core/index.js";
import type { Volume } from "../api/index.js";

/** Undoes what a {@link VolumePlugin} did. It is called before the pod's folder is removed, and again if it failed. */
export type UnmountVolume = () => Promise<void> | void;

/** What a {@link VolumePlugin} is called with, beside its volume and target. */
export interface VolumePluginContext {
  /** The pod that the volume is for. */
  readonly pod: {
    /** `metadata.namespace` */
    readonly namespace: string;
    /** `metadata.name` */
    readonly name: string;
    /** `metadata.uid` */
    readonly uid: string;
  };
  /** Whether something is mounted at the target already: by an earlier call for the same pod, also one of a process that has died. */
  readonly isMounted: boolean;
  /** `spec.securityContext.fsGroup` */
  readonly fsGroup: number | undefined;
  /**
   * Changes the group of the files to `fsGroup`, by the rules of `fsGroupChangePolicy`; without `fsGroup`, it does nothing. Call it
   * after mounting, unless the file system has no owners, or others share it.
   */
  setOwnership(): Promise<void>;
  /** Fires when the caller of `preparePod` no longer waits. */
  readonly signal: AbortSignal;
}

/**
 * Mounts volumes that this package cannot: those of PersistentVolumeClaims, of CSI drivers, NFS and so on. It is called for every
 * such volume on each `preparePod`, so that it must be idempotent. Whatever is mounted at or below `target` is unmounted when the pod
 * is removed, even after a crash, when the returned function is lost.
 *
 * @param volume the volume as the manifest has it
 * @param target an existing folder, which becomes the volume
 */
export type VolumePlugin = (
  volume: Volume,
  target: string,
  context: VolumePluginContext,
) => Promise<UnmountVolume>;

/** The sources of volumes that plug-ins can mount. */
export type PluginVolumeSource = Exclude<
  keyof Volume,
  "name" | "configMap" | "downwardAPI" | "emptyDir" | "hostPath" | "image" | "projected" | "secret"
>;

/** Plug-ins by the source that they mount. */
export type VolumePlugins = { readonly [Source in PluginVolumeSource]?: VolumePlugin | undefined };

/** The sources that plug-ins can mount. */
export const volumePluginsTable = new OptionTable<VolumePlugins>({
  awsElasticBlockStore: option.callback,
  azureDisk: option.callback,
  azureFile: option.callback,
  cephfs: option.callback,
  cinder: option.callback,
  csi: option.callback,
  ephemeral: option.callback,
  fc: option.callback,
  flexVolume: option.callback,
  flocker: option.callback,
  gcePersistentDisk: option.callback,
  gitRepo: option.callback,
  glusterfs: option.callback,
  iscsi: option.callback,
  nfs: option.callback,
  persistentVolumeClaim: option.callback,
  photonPersistentDisk: option.callback,
  portworxVolume: option.callback,
  quobyte: option.callback,
  rbd: option.callback,
  scaleIO: option.callback,
  storageos: option.callback,
  vsphereVolume: option.callback,
});
