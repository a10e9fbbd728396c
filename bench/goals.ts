import type { ClientName } from "./clients/index.js";
import type { Measured } from "./rounds.js";
import { medianRatio } from "./statistics.js";
import type { WorkloadName } from "./workloads.js";

/** What cri-sdk's calls per second should be at least, in another client's. */
export interface Goal {
  readonly workload: WorkloadName;
  readonly base: ClientName;
  readonly ratio: number;
}

export const goals: readonly Goal[] = [
  { workload: "sequential", base: "grpc-js", ratio: 1.4 },
  { workload: "sequential", base: "bare http2", ratio: 0.9 },
  { workload: "inFlight", base: "grpc-js", ratio: 1.7 },
  { workload: "list", base: "grpc-js", ratio: 1 },
];

/** How many times `base`'s calls per second `client` makes. */
export function speedRatio({ samples }: Measured, client: ClientName, base: ClientName): number {
  const speeds = (name: ClientName) => samples[name].map(({ callsPerSecond }) => callsPerSecond);
  return medianRatio(speeds(client), speeds(base));
}
