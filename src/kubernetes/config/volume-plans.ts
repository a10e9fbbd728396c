import type { EmptyDirVolumeSource, HostPathVolumeSource, Volume } from "../api/index.js";

/** A file of a volume, with its content. */
export interface VolumeFile {
  /** Relative to the volume. */
  readonly path: string;
  /** The content of the file. */
  readonly content: Uint8Array;
  /** Its permissions, such as 0o644. */
  readonly mode: number;
  /** The user that the file belongs to. @default root */
  readonly user?: number | undefined;
}

/** A volume to prepare before the containers start. */
export type VolumePlan = {
  /** The name of the volume in the Pod. */
  readonly name: string;
  /** The path on the node that mounts refer to; "" for an image, which the runtime mounts. */
  readonly hostPath: string;
} & (
  | {
      readonly kind: "emptyDir";
      /** The source in the Pod. */
      readonly source: EmptyDirVolumeSource;
      /** The size of a volume in memory. @default `source.sizeLimit`, or half of the node's memory */
      readonly sizeLimitBytes?: bigint | undefined;
    }
  | {
      readonly kind: "hostPath";
      /** The source in the Pod. */
      readonly source: HostPathVolumeSource;
    }
  /** configMap, secret, downwardAPI and projected. */
  | {
      readonly kind: "files";
      /** The files of the volume. */
      readonly files: readonly VolumeFile[];
      /** Whether the files are kept in memory only. */
      readonly isSecret: boolean;
    }
  | {
      readonly kind: "image";
      /** The image, as in the Pod. */
      readonly reference: string;
      /** When the image is pulled. */
      readonly pullPolicy: "Always" | "IfNotPresent" | "Never";
    }
  /** A volume that a plug-in of the caller mounts. */
  | {
      readonly kind: "plugin";
      /** The volume of the Pod. */
      readonly volume: Volume;
    }
);
