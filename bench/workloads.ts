/** One way of calling that is measured. */
export interface Workload {
  readonly name: "sequential" | "inFlight" | "list";
  readonly title: string;
  readonly call: "version" | "list";
  /** How many calls are under way at a time. */
  readonly inFlight: number;
}

export type WorkloadName = Workload["name"];

export const workloads: readonly Workload[] = [
  { name: "sequential", title: "Version, one after the other", call: "version", inFlight: 1 },
  { name: "inFlight", title: "Version, 64 in flight", call: "version", inFlight: 64 },
  { name: "list", title: "ListContainers of 1,000 containers", call: "list", inFlight: 1 },
];
