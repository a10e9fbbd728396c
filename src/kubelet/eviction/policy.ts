import type { DefaultedPod } from "../../kubernetes/index.js";
import type { EvictionSignal, Observation } from "./signals.js";

/** A threshold that is met. */
export interface MetThreshold {
  /** The signal that was measured. */
  readonly signal: EvictionSignal;
  /** The quantity below which pods are evicted, in the unit of the signal: bytes, inodes or process ids. */
  readonly quantity: bigint;
  /** The measurement that met it. */
  readonly observed: Observation;
  /** A hard threshold evicts at once, a soft one after its grace period. */
  readonly kind: "hard" | "soft";
}

/** What a pod uses. Undefined where it was not measured. */
export interface PodConsumption {
  /** Its working set, in bytes. */
  readonly memoryBytes: bigint | undefined;
  /** The number of processes. */
  readonly processes: bigint | undefined;
  /** By the name of a container. */
  readonly containers: ReadonlyMap<string, ContainerConsumption>;
  /** The emptyDir volumes, by their name. */
  readonly volumes: ReadonlyMap<string, VolumeConsumption>;
}

/** What a container uses. */
export interface ContainerConsumption {
  /** Its working set, in bytes. */
  readonly memoryBytes: bigint | undefined;
  /** The files that it has written to its root file system. */
  readonly writableLayer: DiskConsumption | undefined;
  /** Its log files, the rotated ones included. */
  readonly logs: DiskConsumption;
}

/** What a volume uses. */
export interface VolumeConsumption extends DiskConsumption {
  /** Whether it is in memory, and not on a disk. */
  readonly isMemory: boolean;
}

/** What something uses of a file system. */
export interface DiskConsumption {
  /** Bytes on disk. */
  readonly bytes: bigint;
  /** Files and folders. */
  readonly inodes: bigint;
}

/** A pod that may be evicted. */
export interface EvictionCandidate {
  /** The Pod. */
  readonly pod: DefaultedPod;
  /** Undefined when it could not be measured. */
  readonly consumption: PodConsumption | undefined;
}

/** The input of a policy. */
export interface EvictionRequest {
  /** The threshold that is met. */
  readonly threshold: MetThreshold;
  /** The pods that run. */
  readonly candidates: readonly EvictionCandidate[];
  /** Whether images are on another file system than the pods' files. */
  readonly hasOwnImageFs: boolean;
  /** Whether the writable layers of containers are on another file system than the images. */
  readonly hasOwnContainerFs: boolean;
}

/**
 * Returns the pods that may be evicted, the first one first. One pod is evicted per round: the first that is not critical. Pods that are not
 * returned stay.
 */
export type EvictionPolicy = (request: EvictionRequest) => readonly EvictionCandidate[];
