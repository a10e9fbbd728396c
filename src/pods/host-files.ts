import { mkdir, readdir, rm, rmdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

// The runtime's host is mostly this one, and this process mostly root. Where it is not, the runtime makes what it needs, and
// nothing that is done here may fail a call.
async function asFarAsAllowed(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof Error && "code" in error)) throw error;
  }
}

/** Makes a log directory before the runtime wants it, as the kubelet does; CRI-O makes none below it. */
export function makeLogDirectory(path: string): Promise<void> {
  return asFarAsAllowed(() => mkdir(path, { recursive: true, mode: 0o755 }));
}

/**
 * Removes a pod's logs, which no runtime does. Only a directory that is named after the pod by the kubelet's rule
 * (`<namespace>_<name>_<uid>`): another one may hold more than this pod's logs.
 */
export async function removePodLogs(
  logDirectory: string,
  pod: { readonly namespace: string; readonly name: string; readonly uid: string } | undefined,
): Promise<void> {
  if (!pod?.uid || basename(logDirectory) !== `${pod.namespace}_${pod.name}_${pod.uid}`) return;
  await asFarAsAllowed(() => rm(logDirectory, { recursive: true, force: true }));
}

/**
 * Removes the empty log directories of this pod's name that no sandbox has: a runtime makes one before the sandbox is there, and
 * leaves it when its caller dies. Where one is about to be used, it is made again.
 */
export async function removeEmptyLogs(
  logRoot: string,
  namespace: string,
  name: string,
  usedBy: ReadonlySet<string>,
): Promise<void> {
  const prefix = `${namespace}_${name}_`;
  await asFarAsAllowed(async () => {
    for (const entry of await readdir(logRoot))
      if (entry.startsWith(prefix) && !usedBy.has(entry.slice(prefix.length)))
        await rmdir(join(logRoot, entry)).catch(() => undefined);
  });
}

/** The attempt of a container after those that have logs: the kubelet's rule, so that no log is gone on with. */
export async function attemptAfterLogs(logDirectory: string, name: string): Promise<number> {
  let next = 0;
  if (logDirectory)
    await asFarAsAllowed(async () => {
      for (const entry of await readdir(join(logDirectory, name))) {
        const attempt = /^(\d+)\.log(\..*)?$/.exec(entry)?.[1];
        if (attempt !== undefined) next = Math.max(next, Number(attempt) + 1);
      }
    });
  return next;
}

/** What the kubelet, or a server of logs, puts behind the name of a log that it moved away. */
const rotated = /^\.(?:\d{8}-\d{6}|\d+)(?:\.gz)?(?:\.tmp)?$/;

/** Removes a container's log and what became of it by rotation, and its folder when it was the last one in it. */
export async function removeContainerLog(logPath: string): Promise<void> {
  if (logPath === "") return;
  const folder = dirname(logPath);
  await asFarAsAllowed(async () => {
    const own = basename(logPath);
    for (const name of await readdir(folder))
      if (name === own || (name.startsWith(own) && rotated.test(name.slice(own.length))))
        await rm(join(folder, name), { force: true });
    // A folder of the container's own, `<name>/<attempt>.log`. Not empty: there are logs of other attempts.
    if (/^\d+\.log$/.test(own)) await rmdir(folder).catch(() => undefined);
  });
}

/** The root of the cgroups that pods of this package get, beside the kubelet's `kubepods`, which a kubelet tidies up. */
export const cgroupRoot = ["cri-sdk"] as const;

/** Removes the cgroup of a pod that is gone, which runtimes leave. Only one of ours, and only while nothing runs in it. */
export async function removePodCgroup(cgroupParent: string, uid: string): Promise<void> {
  const parts = cgroupParent.split("/").filter(Boolean);
  const ours = parts[0] === cgroupRoot[0] && parts.length === 2 && parts[1] === `pod${uid}`;
  // systemd removes a slice by itself when its last unit ends.
  if (uid === "" || !ours) return;
  await asFarAsAllowed(async () => {
    const mount = "/sys/fs/cgroup";
    // Version 2 has one hierarchy at the mount itself; version 1 has one for each controller below it.
    const hierarchies = [mount, ...(await readdir(mount)).map((name) => join(mount, name))];
    for (const hierarchy of hierarchies) await removeCgroup(join(hierarchy, ...parts));
  });
}

/** A cgroup goes by rmdir, with its empty children first: runc leaves none, an older one may. */
async function removeCgroup(path: string): Promise<void> {
  await asFarAsAllowed(async () => {
    for (const entry of await readdir(path, { withFileTypes: true }))
      if (entry.isDirectory()) await rmdir(join(path, entry.name));
    await rmdir(path);
  });
}
