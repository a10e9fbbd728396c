import { readdir, readFile, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { codeOf, sleep } from "../../core/index.js";
import type { NodeFacts } from "../config/node-facts.js";

const mount = "/sys/fs/cgroup";

/** The cgroups below `kubepods` that pods are in, by their QoS class. */
const qosFolders = ["", "burstable", "besteffort"] as const;

/** How often a cgroup in use is tried, and the pause between the attempts, in milliseconds: processes that were killed end meanwhile. */
const attempts = 20;
const pauseMs = 50;

/**
 * Removes the cgroup of a pod, which runtimes create and leave behind, with its children. Processes that are left in it are killed, as the
 * kubelet does: a runtime that died during a removal forgets them. Rejects while it is in use nevertheless. Does nothing with the systemd
 * driver: systemd removes slices itself.
 */
export async function removePodCgroup(
  podUid: string,
  { cgroupRoot, cgroupDriver }: Pick<NodeFacts, "cgroupRoot" | "cgroupDriver">,
): Promise<void> {
  if (cgroupDriver !== "cgroupfs" || podUid === "") return;
  // Version 2 has one hierarchy at the mount itself, version 1 one per controller below it.
  const names = await foldersIn(mount);
  const paths = [mount, ...names.map((name) => join(mount, name))].flatMap((hierarchy) =>
    qosFolders.map((qos) => join(hierarchy, cgroupRoot, "kubepods", qos, `pod${podUid}`)),
  );
  for (const path of paths) await removeWithProcesses(path);
}

async function removeWithProcesses(path: string): Promise<void> {
  for (let attempt = 1; !(await removeCgroup(path, 2)); attempt++) {
    if (attempt === attempts) throw new Error(`the cgroup ${path} is in use`);
    await killProcesses(path, 2);
    await sleep(pauseMs);
  }
}

/** Removes a cgroup and its children to some depth: those that runc left. Returns false while it is in use. */
async function removeCgroup(path: string, depth: number): Promise<boolean> {
  if (depth > 0) for (const name of await foldersIn(path)) await removeCgroup(join(path, name), depth - 1);
  try {
    await rmdir(path);
  } catch (error) {
    const code = codeOf(error) ?? "";
    if (inUse.has(code)) return false;
    if (!expected.has(code)) throw error;
  }
  return true;
}

async function killProcesses(path: string, depth: number): Promise<void> {
  if (depth > 0) for (const name of await foldersIn(path)) await killProcesses(join(path, name), depth - 1);
  const text = await readFile(join(path, "cgroup.procs"), "utf8").catch(() => "");
  for (const pid of text.split("\n").map(Number))
    if (pid > 1)
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It has ended meanwhile.
      }
}

const inUse: ReadonlySet<string> = new Set(["EBUSY", "ENOTEMPTY"]);

/** It does not exist, or is not ours to remove. */
const expected: ReadonlySet<string> = new Set(["ENOENT", "ENOTDIR", "EACCES", "EPERM", "EROFS"]);

async function foldersIn(path: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if (expected.has(codeOf(error) ?? "")) return [];
    throw error;
  }
}
