import { Fields, readText } from "./fields.js";
import type { Report } from "./report.js";
import { type LinuxResourcesOptions, linuxResources } from "./resources.js";
import type { ResourcesSpec } from "./spec-resources.js";

/** LinuxContainerResources of what may be a ResourcesSpec; its numbers are read only when it has the shape of one. */
export function readResources(
  given: unknown,
  path: string,
  report: Report,
  options?: LinuxResourcesOptions,
): ReturnType<typeof linuxResources> {
  let right = true;
  const spec = new Fields<ResourcesSpec>(given, path, (problem) => {
    right = false;
    report(problem);
  });
  const requests = spec.nested<NonNullable<ResourcesSpec["requests"]>>("requests");
  for (const name of ["cpu", "memory"] as const) requests.raw(name);
  requests.end();
  const cpuset = spec.nested<NonNullable<ResourcesSpec["cpuset"]>>("cpuset");
  for (const name of ["cpus", "mems"] as const) cpuset.text(name);
  cpuset.end();
  spec.entries("unified", (_, value, at) => readText(value, at, spec.report));
  spec.entries("hugepages", () => undefined);
  for (const name of ["cpu", "memory", "cpuPeriodUs", "memorySwap", "oomScoreAdj"] as const) spec.raw(name);
  spec.end();
  // Objects are objects by now; what the values in them are, linuxResources() sees.
  return right ? linuxResources(given as ResourcesSpec | undefined, path, report, options) : undefined;
}
