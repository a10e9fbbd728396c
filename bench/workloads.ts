/** One pattern of calls. */
export interface Workload {
  readonly name: string;
  readonly title: string;
  readonly call: "version" | "list";
  /** The number of listed containers; 0 for other calls. */
  readonly containers: number;
  /** The number of concurrent calls. */
  readonly inFlight: number;
}

/** The numbers of concurrent calls. */
export const inFlightCounts = [1, 64, 1_000];
/** The numbers of listed containers. */
export const listSizes = [10, 100, 1_000, 10_000];

export function versionWorkload(inFlight: number): Workload {
  const how = inFlight === 1 ? "one after the other" : `${inFlight.toLocaleString("en")} in flight`;
  return { name: `version-${inFlight}`, title: `Version, ${how}`, call: "version", containers: 0, inFlight };
}

export function listWorkload(containers: number): Workload {
  const title = `ListContainers of ${containers.toLocaleString("en")} containers`;
  return { name: `list-${containers}`, title, call: "list", containers, inFlight: 1 };
}

export const workloads: readonly Workload[] = [
  ...inFlightCounts.map(versionWorkload),
  ...listSizes.map(listWorkload),
];
