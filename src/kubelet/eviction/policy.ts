import type { DefaultedPod } from "../../kubernetes/index.js";
import type { EvictionSignal, Observation } from "./signals.js";

/** A threshold that is met. */
export interface MetThreshold {
  readonly signal: EvictionSignal;
  /** The quantity below which pods are evicted, in the unit of the signal: bytes, inodes or process ids. */
  readonly quantity: bigint;
  readonly observed: Observation;
  readonly kind: "hard" | "soft";
}

/** What a pod uses. Undefined where it was not measured. */
export interface PodConsumption {
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
  readonly memoryBytes: bigint | undefined;
  readonly writableLayer: DiskConsumption | undefined;
  readonly logs: DiskConsumption;
}

/** What a volume uses. */
export interface VolumeConsumption extends DiskConsumption {
  /** Whether it is in memory, and not on a disk. */
  readonly isMemory: boolean;
}

/** What something uses of a file system. */
export interface DiskConsumption {
  readonly bytes: bigint;
  readonly inodes: bigint;
}

/** A pod that may be evicted. */
export interface EvictionCandidate {
  readonly pod: DefaultedPod;
  /** Undefined when it could not be measured. */
  readonly consumption: PodConsumption | undefined;
}

/** The input of a policy. */
export interface EvictionRequest {
  readonly threshold: MetThreshold;
  /** The pods that run. */
  readonly candidates: readonly EvictionCandidate[];
  readonly hasOwnImageFs: boolean;
  readonly hasOwnContainerFs: boolean;
}

/**
 * Returns the pods that may be evicted, the first one first. One pod is evicted per round: the first that is not critical. Pods that are not
 * returned stay.
 */
export type EvictionPolicy = (request: EvictionRequest) => readonly EvictionCandidate[];
