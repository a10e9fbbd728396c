/** The signals of the kubelet that thresholds of evictions are about. */
export const evictionSignals = [
  "memory.available",
  "nodefs.available",
  "nodefs.inodesFree",
  "imagefs.available",
  "imagefs.inodesFree",
  "containerfs.available",
  "containerfs.inodesFree",
  "pid.available",
] as const;

/** A signal of the kubelet. */
export type EvictionSignal = (typeof evictionSignals)[number];

/** What a signal says at one time. */
export interface Observation {
  /** Bytes, inodes or process ids that are free. */
  readonly available: bigint;
  /** All of them. */
  readonly capacity: bigint;
  /** When it was measured, in milliseconds since 1970; undefined for now. */
  readonly atMs?: number | undefined;
}

/** The signals of a node. One that cannot be measured is missing. */
export interface Observations {
  readonly signals: Readonly<Partial<Record<EvictionSignal, Observation>>>;
  /** Whether images are on another file system than the pods' files. */
  readonly hasOwnImageFs: boolean;
  /** Whether the writable layers of containers are on another file system than the images. */
  readonly hasOwnContainerFs: boolean;
}

/** Measures the signals of a node. */
export type SignalReader = (signal: AbortSignal) => Promise<Observations>;
