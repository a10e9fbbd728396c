import { readdir, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { codeOf } from "../../core/index.js";
import type { NodeFacts } from "../config/node-facts.js";

const mount = "/sys/fs/cgroup";

/** The cgroups below `kubepods` that pods are in, by their QoS class. */
const qosFolders = ["", "burstable", "besteffort"] as const;

/**
 * Removes the cgroup of a pod, which runtimes create and leave behind, with its empty children. One that is in use stays. Does nothing with
 * the systemd driver: systemd removes slices itself.
 */
export async function removePodCgroup(
  podUid: string,
  { cgroupRoot, cgroupDriver }: Pick<NodeFacts, "cgroupRoot" | "cgroupDriver">,
): Promise<void> {
  if (cgroupDriver !== "cgroupfs" || podUid === "") return;
  // Version 2 has one hierarchy at the mount itself, version 1 one per controller below it.
  const names = await foldersIn(mount);
  for (const hierarchy of [mount, ...names.map((name) => join(mount, name))])
    for (const qos of qosFolders)
      await removeCgroup(join(hierarchy, cgroupRoot, "kubepods", qos, `pod${podUid}`), 2);
}

/** Removes a cgroup and its children to some depth: those that runc left. */
async function removeCgroup(path: string, depth: number): Promise<void> {
  if (depth > 0) for (const name of await foldersIn(path)) await removeCgroup(join(path, name), depth - 1);
  try {
    await rmdir(path);
  } catch (error) {
    if (!expected.has(codeOf(error) ?? "")) throw error;
  }
}

/** It does not exist, is in use, or is not ours to remove. */
const expected: ReadonlySet<string> = new Set([
  "ENOENT",
  "ENOTDIR",
  "EBUSY",
  "ENOTEMPTY",
  "EACCES",
  "EPERM",
  "EROFS",
]);

async function foldersIn(path: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if (expected.has(codeOf(error) ?? "")) return [];
    throw error;
  }
}
