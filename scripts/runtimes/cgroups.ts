import { existsSync, rmdirSync } from "node:fs";
import { basename, join } from "node:path";
import { isOnlyRun } from "./bridges.js";
import { cgroupMounts, list, read } from "./traces.js";

// Tests use "/cri-sdk" as cgroup_parent; "/k8s.io" is containerd's default for a pod without one.
const parents = ["cri-sdk", "k8s.io"];

/** Returns the cgroup for the pods of a run; no other run uses it. */
export function runCgroup(runDir: string): string {
  return `/cri-sdk/${basename(runDir)}`;
}

/**
 * Returns the cgroups that a run left behind, deepest first, without those that have processes in or below them.
 * A pod's cgroup outlives the pod and does not identify its run: while another run is up, only cgroups below
 * {@link runCgroup} and those named after one of `ids` are returned.
 */
export function findCgroups(runDir: string, ids: readonly string[]): string[] {
  const isAlone = isOnlyRun(runDir);
  const isOwn = (group: string): boolean =>
    isAlone || `${group}/`.includes(`${runCgroup(runDir)}/`) || ids.includes(basename(group));
  const tops = cgroupMounts().flatMap((mount) => parents.map((parent) => join(mount, parent)));
  return tops.flatMap((top) => emptyGroups(top).groups).filter(isOwn);
}

/** Removes cgroups, except those that are in use: the kernel refuses to remove them. */
export function removeCgroups(groups: readonly string[]): void {
  for (const group of groups) {
    try {
      rmdirSync(group);
    } catch {
      // Still in use, or already removed.
    }
  }
}

/** Returns the cgroups without processes at and below a cgroup, deepest first, and whether it is one of them. */
function emptyGroups(group: string): { readonly groups: readonly string[]; readonly isEmpty: boolean } {
  if (!existsSync(group)) return { groups: [], isEmpty: true };
  const children = list(group, "folders").map((name) => emptyGroups(join(group, name)));
  const isEmpty = children.every((child) => child.isEmpty) && read(join(group, "cgroup.procs")).trim() === "";
  return { groups: [...children.flatMap((child) => child.groups), ...(isEmpty ? [group] : [])], isEmpty };
}
