import type { MessageInitShape } from "@bufbuild/protobuf";
import type { LinuxContainerResourcesSchema } from "../../gen/runtime/v1/api_pb.js";
import { collecting, type ResourcesSpec, readResources } from "./config/index.js";

/**
 * The resources of an update. In one, 0 and "" leave a field as it is, so what is not said is not sent, unlike when a container
 * is made. Throws `invalid_spec`.
 */
export function updatedResources(
  spec: ResourcesSpec,
  path: string,
): MessageInitShape<typeof LinuxContainerResourcesSchema> {
  const complete = collecting("the update", (report) => readResources(spec, path, report));
  const { cpu, requests, cpuPeriodUs } = spec;
  return {
    ...complete,
    ...(cpu === undefined ? { cpuQuota: 0n } : {}),
    ...(cpu === undefined && cpuPeriodUs === undefined ? { cpuPeriod: 0n } : {}),
    ...(cpu === undefined && requests?.cpu === undefined ? { cpuShares: 0n } : {}),
  };
}
