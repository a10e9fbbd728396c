import { statfs } from "node:fs/promises";
import { isFileSystemRoot } from "./folders.js";
import type { VolumeContext } from "./volume-context.js";
import { volumeError } from "./volume-error.js";

/** statfs(2): the types of the file systems in memory. */
const memoryTypes = new Set([0x01021994 /* tmpfs */, 0x858458f6 /* ramfs */]);

/**
 * Ensures that the content of a folder is in memory: a tmpfs is mounted there, unless it is already. Where this process may not mount, a
 * folder that is in memory anyway serves for content without a size limit.
 *
 * @param options mount options, such as `size=65536`
 */
export async function ensureMemory(
  folder: string,
  options: readonly string[],
  { what, mounts, mayMount, withoutMounts, notice }: VolumeContext,
): Promise<void> {
  const isMounted = await isFileSystemRoot(folder);
  const isInMemory = memoryTypes.has((await statfs(folder)).type);
  if (isMounted && isInMemory) return;
  if (isMounted) throw volumeError(what, `something other than a tmpfs is mounted at ${folder}`);
  if (mayMount) return await mounts.tmpfs(folder, options);
  const hasLimit = options.some((text) => text.startsWith("size="));
  if (isInMemory && !hasLimit) return;
  if (withoutMounts === "refuse")
    throw volumeError(what, "must be in memory, and this process may not mount a tmpfs", {
      hint: 'Run as root with CAP_SYS_ADMIN, or pass `withoutMounts: "allow"` to keep it in an ordinary folder',
    });
  notice(
    isInMemory
      ? "its size is not limited, since this process may not mount"
      : `is kept on disk, in ${folder}, since this process may not mount a tmpfs`,
  );
}
