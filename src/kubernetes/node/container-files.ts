import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { codeOf } from "../../core/index.js";
import { ensureFolder } from "./folders.js";

const { O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } = constants;
const messageLimitBytes = 4096;

/**
 * Writes a pod's /etc/hosts, unless it has this content already. Running containers see the new content, so that the file is not
 * replaced. Containers may write to it.
 */
export async function writeHostsFile(path: string, content: string): Promise<void> {
  await ensureFolder(dirname(path));
  const file = await open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0o644);
  try {
    if (((await file.stat()).mode & 0o777) !== 0o644) await file.chmod(0o644);
    if ((await file.readFile("utf8")) === content) return;
    const bytes = Buffer.from(content);
    await file.write(bytes, 0, bytes.length, 0);
    await file.truncate(bytes.length);
  } finally {
    await file.close();
  }
}

/** Creates the empty file for a termination message. Users of all containers may write to it. */
export async function createTerminationLog(path: string): Promise<void> {
  await ensureFolder(dirname(path));
  const file = await open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o666);
  try {
    // Not by open(): the umask would change it.
    await file.chmod(0o666);
  } finally {
    await file.close();
  }
}

/** Returns the last 4,096 bytes of a file; "" where there is none, or something other than a regular file. Links are not followed. */
export async function readTerminationLog(path: string): Promise<string> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    // ELOOP: a link; ENXIO: a socket.
    if (["ENOENT", "ENOTDIR", "ELOOP", "ENXIO"].includes(codeOf(error) ?? "")) return "";
    throw error;
  }
  try {
    const status = await file.stat();
    if (!status.isFile()) return "";
    const buffer = Buffer.alloc(messageLimitBytes);
    const start = Math.max(0, status.size - messageLimitBytes);
    const { bytesRead } = await file.read(buffer, 0, messageLimitBytes, start);
    return buffer.subarray(0, bytesRead).toString("utf8");
  } finally {
    await file.close();
  }
}
