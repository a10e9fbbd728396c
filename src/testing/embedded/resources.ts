import { clone } from "@bufbuild/protobuf";
import {
  type LinuxContainerResources,
  LinuxContainerResourcesSchema,
} from "../../../gen/runtime/v1/api_pb.js";

/** Resources after an update: a field that the update leaves empty stays as it was. */
export function updated(
  before: LinuxContainerResources | undefined,
  update: LinuxContainerResources,
): LinuxContainerResources {
  const after = clone(LinuxContainerResourcesSchema, update);
  if (!before) return after;
  const named = Object.entries(after).filter(([, value]) => isFilled(value));
  return Object.assign(clone(LinuxContainerResourcesSchema, before), Object.fromEntries(named));
}

function isFilled(value: unknown): boolean {
  if (typeof value === "object" && value !== null) return Object.keys(value).length > 0;
  return value !== 0n && value !== "" && value !== 0 && value !== false;
}
