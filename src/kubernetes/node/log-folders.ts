import { readdir, readlink, stat, symlink, unlink } from "node:fs/promises";
import { join, resolve } from "node:path";
import { codeOf } from "../../core/index.js";
import { ensureFolder } from "./folders.js";
import { isWithin } from "./mount-table.js";
import { removeTree } from "./remove-tree.js";

/** All users may read the folders; runtimes restrict the files. */
const logFolderMode = 0o755;

/** Creates a folder for logs. */
export async function ensureLogFolder(path: string): Promise<void> {
  await ensureFolder(path, logFolderMode);
}

/** Creates a link to a log, in place of an existing one. Does nothing while there is no log. */
export async function createLogLink(folder: string, name: string, logPath: string): Promise<void> {
  if ((await stat(logPath).catch(() => undefined)) === undefined) return;
  await ensureFolder(folder, logFolderMode);
  const link = join(folder, name);
  try {
    await symlink(logPath, link);
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
    if ((await readlink(link).catch(() => undefined)) === logPath) return;
    await removeLogLink(folder, name);
    await symlink(logPath, link);
  }
}

/** Removes a link to a log, if there is one. */
export async function removeLogLink(folder: string, name: string): Promise<void> {
  await ignoreMissing(unlink(join(folder, name)));
}

/** Removes the folders of a pod's logs, and the links in `linkFolder` that lead into them. */
export async function removePodLogs(
  podLogsDir: string,
  podUid: string,
  linkFolder: string | undefined,
): Promise<void> {
  // A name has no "_", and neither has a namespace: the uid is what follows the last one.
  const names = (await listFolder(podLogsDir)).filter(
    (name) => name.slice(name.lastIndexOf("_") + 1) === podUid && name.includes("_"),
  );
  for (const folder of names.map((name) => join(podLogsDir, name))) {
    await removeTree(folder);
    if (linkFolder === undefined) continue;
    for (const name of await listFolder(linkFolder)) {
      const target = await readlink(join(linkFolder, name)).catch(() => undefined);
      if (target !== undefined && isWithin(resolve(linkFolder, target), folder))
        await removeLogLink(linkFolder, name);
    }
  }
}

async function listFolder(path: string): Promise<readonly string[]> {
  return (await ignoreMissing(readdir(path))) ?? [];
}

async function ignoreMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
