import { existsSync, rmdirSync } from "node:fs";
import { basename, join } from "node:path";
import { ownBridges } from "./bridges.js";
import { cgroupMounts, list, read } from "./traces.js";

// "/cri-sdk" is what tests give as cgroup_parent; "/k8s.io" is containerd's own choice for a pod without one.
const parents = ["cri-sdk", "k8s.io"];

/** The control group below which a run's pods may have theirs: nothing of another run is ever in it. */
export function runCgroup(runDir: string): string {
  return `/cri-sdk/${basename(runDir)}`;
}

/**
 * The control groups a run left, deepest first; groups with a process in or below them are never among them.
 * A pod's group outlives the pod and does not tell whose it was: while another run is up, only groups below
 * {@link runCgroup} count, and those named by one of `ids`.
 */
export function findCgroups(runDir: string, ids: readonly string[]): string[] {
  const isAlone = [...ownBridges().values()].every((owner) => owner === runDir);
  const isOwn = (group: string): boolean =>
    isAlone || `${group}/`.includes(`${runCgroup(runDir)}/`) || ids.includes(basename(group));
  const tops = cgroupMounts().flatMap((mount) => parents.map((parent) => join(mount, parent)));
  return tops.flatMap((top) => emptyGroups(top).groups).filter(isOwn);
}

/** Removes groups; the kernel refuses those that are in use. */
export function removeCgroups(groups: readonly string[]): void {
  for (const group of groups) {
    try {
      rmdirSync(group);
    } catch {
      // Still in use, or gone already.
    }
  }
}

/** The groups without processes at and below a group, deepest first, and whether it is one of them. */
function emptyGroups(group: string): { readonly groups: readonly string[]; readonly isEmpty: boolean } {
  if (!existsSync(group)) return { groups: [], isEmpty: true };
  const children = list(group, "folders").map((name) => emptyGroups(join(group, name)));
  const isEmpty = children.every((child) => child.isEmpty) && read(join(group, "cgroup.procs")).trim() === "";
  return { groups: [...children.flatMap((child) => child.groups), ...(isEmpty ? [group] : [])], isEmpty };
}
