/** The condition and the resource that the kubelet derives from a signal. */
interface SignalRules {
  /** The condition of the node that a met threshold causes. */
  readonly pressure: "memory" | "disk" | "pid";
  /** The name of the resource in messages and events. */
  readonly resource: "memory" | "ephemeral-storage" | "inodes" | "pids";
}

const disk = { pressure: "disk", resource: "ephemeral-storage" } as const;
const inodes = { pressure: "disk", resource: "inodes" } as const;

/** A signal of the kubelet. */
export type EvictionSignal =
  | "memory.available"
  | "nodefs.available"
  | "nodefs.inodesFree"
  | "imagefs.available"
  | "imagefs.inodesFree"
  | "containerfs.available"
  | "containerfs.inodesFree"
  | "pid.available";

/** The signals of eviction thresholds. */
export const signalRules: Readonly<Record<EvictionSignal, SignalRules>> = {
  "memory.available": { pressure: "memory", resource: "memory" },
  "nodefs.available": disk,
  "nodefs.inodesFree": inodes,
  "imagefs.available": disk,
  "imagefs.inodesFree": inodes,
  "containerfs.available": disk,
  "containerfs.inodesFree": inodes,
  "pid.available": { pressure: "pid", resource: "pids" },
};

/** The pressures of a node: its conditions MemoryPressure, DiskPressure and PIDPressure. */
export interface NodePressures {
  readonly memory: boolean;
  readonly disk: boolean;
  readonly pid: boolean;
}

/** A measurement of a signal. */
export interface Observation {
  /** Bytes, inodes or process ids that are free. */
  readonly available: bigint;
  /** All of them. */
  readonly capacity: bigint;
}

/** The signals of a node. One that cannot be measured is missing, and causes nothing. */
export interface Observations {
  /** The measurements, by signal. */
  readonly signals: Readonly<Partial<Record<EvictionSignal, Observation>>>;
  /** Whether images are on another file system than the pods' files. */
  readonly hasOwnImageFs: boolean;
  /** Whether the writable layers of containers are on another file system than the images. */
  readonly hasOwnContainerFs: boolean;
}

/** Measures the signals of a node. */
export type SignalReader = (signal: AbortSignal) => Promise<Observations>;
