import { readdir, readlink, rm, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { codeOf } from "../../core/index.js";

/** Returns the uids of the pods that have a folder in the folder of pods' logs. */
export async function podsWithLogs(podLogsDir: string): Promise<readonly string[]> {
  // Neither a namespace nor a name has a "_": the uid is what follows the second one.
  const uids = (await names(podLogsDir)).map((name) => /^[^_]+_[^_]+_([^_]+)$/.exec(name)?.[1]);
  return [...new Set(uids.filter((uid) => uid !== undefined))];
}

/**
 * Removes the links to logs in `linkFolder` that lead into `podLogsDir` and whose log does not exist. Those of running containers stay: their
 * logs are being rotated.
 *
 * @param runningIds the ids of the containers that run
 */
export async function removeDanglingLinks(
  linkFolder: string,
  podLogsDir: string,
  runningIds: readonly string[],
): Promise<void> {
  for (const name of await names(linkFolder)) {
    const path = join(linkFolder, name);
    const target = await readlink(path).catch(() => undefined);
    if (target === undefined || !isPodLog(resolve(linkFolder, target), podLogsDir)) continue;
    if ((await stat(path).catch((error: unknown) => codeOf(error))) !== "ENOENT") continue;
    // A long name cuts the id off.
    const id = /-([0-9a-z]*)\.log$/.exec(name)?.[1] ?? "";
    if (!runningIds.some((one) => one.startsWith(id))) await rm(path, { force: true });
  }
}

/** A pod's log is in a folder of the container, in a folder of the pod. */
function isPodLog(path: string, podLogsDir: string): boolean {
  return dirname(dirname(dirname(path))) === resolve(podLogsDir);
}

async function names(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  }
}
