// The objects that stats and metrics measure.
import { dateToNanos } from "cri-sdk";

/** A running container. */
export interface RunningContainer {
  readonly id: string;
  /** The main process on this host. */
  readonly pid: number;
  readonly metadata: { readonly name: string; readonly attempt: number };
  readonly labels: { readonly [key: string]: string };
  readonly annotations: { readonly [key: string]: string };
  /** As the container's config names it. */
  readonly image: string;
  /** In nanoseconds since 1970. */
  readonly startedAt: bigint;
  /** The upper directory of its overlay, and ImageFsInfo's name of the file system. Undefined for other storage drivers. */
  readonly writableLayer: { readonly path: string; readonly mountpoint: string } | undefined;
}

/** A ready sandbox. */
export interface ReadyPod {
  readonly id: string;
  /** The pause process on this host. */
  readonly pid: number;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly attempt: number;
  };
  readonly labels: { readonly [key: string]: string };
  readonly annotations: { readonly [key: string]: string };
  /** Such a pod has no traffic of its own. */
  readonly hostNetwork: boolean;
  /** Those that are running. */
  readonly containers: readonly RunningContainer[];
}

/** The time of a reading, as CRI has it. */
export function now(): bigint {
  return dateToNanos(new Date());
}
