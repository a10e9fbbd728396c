import type { EmptyDirVolumeSource, HostPathVolumeSource, Volume } from "../api/index.js";

/** A file of a volume, with its content. */
export interface VolumeFile {
  /** Relative to the volume. */
  readonly path: string;
  readonly content: Uint8Array;
  readonly mode: number;
  /** The user that the file belongs to. @default root */
  readonly user?: number | undefined;
}

/** A volume to prepare before the containers start. `hostPath` is what mounts refer to. */
export type VolumePlan = {
  readonly name: string;
  readonly hostPath: string;
} /** `sizeLimitBytes`: the size of a volume in memory. Without it, `source.sizeLimit`, or half of the node's memory. */ & (
  | {
      readonly kind: "emptyDir";
      readonly source: EmptyDirVolumeSource;
      readonly sizeLimitBytes?: bigint | undefined;
    }
  | { readonly kind: "hostPath"; readonly source: HostPathVolumeSource }
  /** configMap, secret, downwardAPI and projected. `isSecret`: is kept in memory only. */
  | { readonly kind: "files"; readonly files: readonly VolumeFile[]; readonly isSecret: boolean }
  /** `hostPath` is "": the runtime mounts the image. */
  | {
      readonly kind: "image";
      readonly reference: string;
      readonly pullPolicy: "Always" | "IfNotPresent" | "Never";
    }
  /** A volume that a plug-in of the caller mounts. */
  | { readonly kind: "plugin"; readonly volume: Volume }
);
