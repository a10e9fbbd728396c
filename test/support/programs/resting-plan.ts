import type { PlayPodOptions } from "../../../src/kubernetes/index.js";

/** What the program plays. */
export interface RestingPlan {
  readonly endpoint: string;
  readonly image: string;
  readonly options: Pick<PlayPodOptions, "rootDir" | "node" | "withoutMounts">;
  /** How many Pods of two containers are measured; one more is played before them. */
  readonly pods: number;
  /** Whether each container has a readiness probe by exec, every 10 s. */
  readonly probes: boolean;
  /** The pause between the last ready pod and the rest, in milliseconds: relists become rare within it. */
  readonly settleMs: number;
  /** The length of the measurement at rest, in milliseconds. */
  readonly restMs: number;
}

/** What the process used: `start` until all Pods were ready, `rest` while nothing changed. The calls are by their CRI names. */
export interface RestingReport {
  readonly before: RestingMemory;
  readonly after: RestingMemory;
  readonly start: RestingPeriod;
  readonly rest: RestingPeriod;
}

/** The memory of the process after a garbage collection, in units of 1,000 bytes; the heap with external memory. */
export interface RestingMemory {
  readonly heapKilobytes: number;
  readonly residentKilobytes: number;
}

/** A period of the process: the calls count each attempt. */
export interface RestingPeriod {
  readonly seconds: number;
  readonly cpuMs: number;
  readonly calls: Readonly<Record<string, number>>;
}
