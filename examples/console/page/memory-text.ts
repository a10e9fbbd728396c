import type { ContainerRow } from "../messages.js";
import { bytes } from "./format.js";
import type { Usage } from "./node-state.js";

/** Returns the memory of a container, and its limit. */
export function memoryText({ memoryLimitBytes }: ContainerRow, { memoryBytes }: Usage): string {
  return memoryLimitBytes === undefined
    ? bytes(memoryBytes)
    : `${bytes(memoryBytes)} of ${bytes(memoryLimitBytes)}`;
}
