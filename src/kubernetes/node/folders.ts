import { chmod, mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { codeOf } from "../../core/index.js";

/** The mode of the folders of pods: other users must not reach what is below. */
export const privateMode = 0o750;

/**
 * Creates a folder that exists only for pods, and the missing ones above it. New folders have exactly this mode, whatever the umask is;
 * existing ones keep theirs. Returns whether it was created.
 */
export async function ensureFolder(path: string, mode: number = privateMode): Promise<boolean> {
  try {
    await mkdir(path, { mode });
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    if (codeOf(error) !== "ENOENT" || dirname(path) === path) throw error;
    await ensureFolder(dirname(path), mode);
    return await ensureFolder(path, mode);
  }
  await chmod(path, mode);
  return true;
}

/** Reports whether something is mounted at a folder: it is on another file system than its parent. Bind mounts are not found. */
export async function isFileSystemRoot(path: string): Promise<boolean> {
  const [own, parent] = await Promise.all([stat(path), stat(dirname(path))]);
  return own.dev !== parent.dev;
}
