import { readdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { codeOf } from "../../core/index.js";
import type { Pod } from "../api/index.js";
import type { ObservedContainer, ObservedPod } from "./observed.js";
import type { PodWorkerParts } from "./ports.js";

/** What removing instances needs. */
export type RemovalParts = Pick<PodWorkerParts, "runtime" | "files">;

/**
 * Returns what a pod does not need any more: of each container the instances that ended, except the newest of them, which the status
 * shows as the last state and whose log can be read; and the sandboxes that are neither ready nor the newest and have no containers.
 */
export function obsolete({ containers, sandboxes }: ObservedPod): {
  readonly containers: readonly ObservedContainer[];
  readonly sandboxIds: readonly string[];
} {
  const kept = new Set<string>();
  const old = containers.filter(({ state, name }) => {
    if (state !== "exited") return false;
    if (kept.has(name)) return true;
    kept.add(name);
    return false;
  });
  const removed = new Set(old.map(({ id }) => id));
  const inUse = new Set(containers.filter(({ id }) => !removed.has(id)).map(({ sandboxId }) => sandboxId));
  const sandboxIds = sandboxes
    .filter(({ id, isReady }, index) => index > 0 && !isReady && !inUse.has(id))
    .map(({ id }) => id);
  return { containers: old, sandboxIds };
}

/** Removes instances of a pod from the runtime, with the files that belong to them; their logs, too, unless `keepLogs` is set. */
export async function removeInstances(
  pod: Pod,
  instances: readonly ObservedContainer[],
  { runtime, files }: RemovalParts,
  { keepLogs = false }: { readonly keepLogs?: boolean } = {},
): Promise<void> {
  for (const instance of instances) {
    await runtime.removeContainer({ containerId: instance.id });
    await files.removeContainer(pod, instance);
    if (!keepLogs && instance.logPath !== "") await removeLogFiles(instance.logPath);
  }
}

/** Stops and removes sandboxes, and with them whatever is in them. */
export async function removeSandboxes(
  ids: readonly string[],
  { runtime }: Pick<RemovalParts, "runtime">,
): Promise<void> {
  for (const podSandboxId of ids) {
    await runtime.stopPodSandbox({ podSandboxId });
    await runtime.removePodSandbox({ podSandboxId });
  }
}

/** Removes a log and the files that it was rotated to: `0.log`, `0.log.20260101-000000`, `0.log.20260101-000000.gz`. */
async function removeLogFiles(path: string): Promise<void> {
  const [folder, base] = [dirname(path), basename(path)];
  let names: readonly string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return;
    throw error;
  }
  for (const name of names)
    if (name === base || name.startsWith(`${base}.`)) await rm(join(folder, name), { force: true });
}
