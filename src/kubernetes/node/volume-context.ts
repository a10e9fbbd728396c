import type { Mounts } from "./mounts.js";

/** What the preparation of one volume depends on. */
export interface VolumeContext {
  /** The prefix of error texts, which names the volume. */
  readonly what: string;
  /** The folder of the pod. */
  readonly podFolder: string;
  readonly mounts: Mounts;
  readonly mayMount: boolean;
  readonly withoutMounts: "refuse" | "allow";
  /** `spec.securityContext.fsGroup` */
  readonly fsGroup: number | undefined;
  /** Reports what differs from the manifest; the text is about the volume. */
  readonly notice: (text: string) => void;
}
