import { readlink, realpath } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { isAbsent } from "./errors.js";

/**
 * A path without links, as the kubelet makes them for logs. At the end of the links there may be nothing: between the rename of a
 * rotation and the runtime's new file, or when the log comes later. Then what it leads to is known all the same.
 */
export async function withoutLinks(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
  const folder = await realpath(dirname(path)).catch(() => undefined);
  if (folder === undefined) return path;
  const here = join(folder, basename(path));
  const target = await readlink(here).catch(() => undefined);
  return target === undefined ? here : withoutLinks(resolve(folder, target));
}
