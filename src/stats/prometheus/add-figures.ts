import { type CallOptions, type CriError, isCriError } from "../../core/index.js";
import { readOrigins } from "../origins.js";
import {
  type ContainerFigures,
  containerUsages,
  readContainerFigures,
  readPods,
  type StatsParts,
  type Usages,
} from "../read-usage.js";
import { together } from "../together.js";
import type { PodUsage } from "../usage.js";
import { addFailed, addScrapeErrors } from "./failures.js";
import type { Families } from "./families.js";
import { addStats } from "./from-stats.js";
import { failedUsage } from "./kubelet-names.js";

/**
 * Reads figures and adds metrics by the kubelet's names. A runtime that has them of containers only, or of pods only, gives these, and
 * one series tells that the others are missing. Rejects with `unimplemented` where it has neither.
 */
export async function addFigures(
  families: Families,
  parts: StatsParts,
  call: CallOptions,
  ids: boolean,
): Promise<void> {
  const [figures, ofPods, origins] = await together(call.signal, [
    (signal) => orUnimplemented<ContainerFigures>(readContainerFigures(parts, {}, { ...call, signal })),
    (signal) => orUnimplemented<Usages<PodUsage>>(readPods(parts, {}, { ...call, signal })),
    (signal) => readOrigins(parts.lists, {}, { ...call, signal }),
  ]);
  if (isCriError(figures) && isCriError(ofPods)) throw figures;
  const none = { items: [], failed: [] };
  const containers = containerUsages(isCriError(figures) ? none : figures, origins);
  const pods = isCriError(ofPods) ? none : ofPods;
  addStats(families, containers, pods, origins.podsCreatedAtNanos, ids);
  const failed = [...pods.failed, ...containers.failed];
  addFailed(families, failed, ids);
  const absent = Object.entries({ containers: figures, pods: ofPods }).filter(([, found]) =>
    isCriError(found),
  );
  for (const [kind] of absent) families.add(failedUsage, { kind, reason: "unimplemented" }, "1");
  addScrapeErrors(families, failed.length + absent.length);
}

/** What was read, or the error that says that the runtime cannot tell it. */
async function orUnimplemented<T>(reading: Promise<T>): Promise<T | CriError> {
  return reading.catch((error: unknown) => {
    if (isCriError(error) && error.reason === "unimplemented") return error;
    throw error;
  });
}
