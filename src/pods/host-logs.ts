// The log files of pods on this host. The runtime may be on another host, or this user may lack permission. Then only the
// runtime manages the files, so file errors never fail an operation.
import { mkdir, readdir, rm, rmdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { codeOf } from "../core/index.js";
import { parseRotatedLogName } from "../logs/index.js";

/** Runs file operations and ignores the errors of Node's fs. */
export async function ignoreFileErrors(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
  }
}

/** Creates a log directory, as the kubelet does: CRI-O creates no directory below the pod's. */
export function makeLogDirectory(path: string): Promise<void> {
  return ignoreFileErrors(() => mkdir(path, { recursive: true, mode: 0o755 }));
}

/**
 * Removes a pod's log directory, which runtimes do not. Only one with the kubelet's name (`<namespace>_<name>_<uid>`): another
 * directory may hold more than this pod's logs.
 */
export async function removePodLogs(
  logDirectory: string,
  pod: { readonly namespace: string; readonly name: string; readonly uid: string } | undefined,
): Promise<void> {
  if (!pod?.uid || basename(logDirectory) !== `${pod.namespace}_${pod.name}_${pod.uid}`) return;
  await ignoreFileErrors(() => rm(logDirectory, { recursive: true, force: true }));
}

/**
 * Removes the empty log directories of a pod's name that no sandbox uses. A runtime creates the directory before the sandbox, and leaves
 * it behind when the caller dies. A directory that is about to be used will be created again.
 */
export async function removeEmptyLogDirectories(
  logRoot: string,
  namespace: string,
  name: string,
  uidsInUse: ReadonlySet<string>,
): Promise<void> {
  const prefix = `${namespace}_${name}_`;
  await ignoreFileErrors(async () => {
    for (const entry of await readdir(logRoot))
      if (entry.startsWith(prefix) && !uidsInUse.has(entry.slice(prefix.length)))
        await rmdir(join(logRoot, entry)).catch(() => undefined);
  });
}

/** Returns the attempt after the last one that has a log, as the kubelet does, so that no container appends to an old log. */
export async function attemptAfterLogs(logDirectory: string, name: string): Promise<number> {
  let next = 0;
  if (logDirectory)
    await ignoreFileErrors(async () => {
      for (const entry of await readdir(join(logDirectory, name))) {
        const attempt = /^(\d+)\.log(\..*)?$/.exec(entry)?.[1];
        if (attempt !== undefined) next = Math.max(next, Number(attempt) + 1);
      }
    });
  return next;
}

/** Removes a container's log with its rotated files, and the container's log directory if it is empty then. */
export async function removeContainerLog(logPath: string): Promise<void> {
  if (logPath === "") return;
  await ignoreFileErrors(async () => {
    const folder = dirname(logPath);
    for (const name of await readdir(folder))
      if (parseRotatedLogName(name, basename(logPath))) await rm(join(folder, name), { force: true });
    await rm(logPath, { force: true });
    // Only a log named `<name>/<attempt>.log` has a directory for its container; rmdir fails while other attempts have logs there.
    if (/^\d+\.log$/.test(basename(logPath))) await rmdir(folder).catch(() => undefined);
  });
}
