import type { Stats } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { codeOf } from "../../core/index.js";
import type { HostPathVolumeSource } from "../api/index.js";
import { ensureFolder } from "./folders.js";
import { volumeError } from "./volume-error.js";

/** What must exist at the path, by the type of the volume. */
const kinds: Readonly<
  Record<string, { readonly text: string; readonly isKind: (status: Stats) => boolean }>
> = {
  Directory: { text: "a directory", isKind: (status) => status.isDirectory() },
  File: { text: "a file", isKind: (status) => status.isFile() },
  Socket: { text: "a socket file", isKind: (status) => status.isSocket() },
  CharDevice: { text: "a character device", isKind: (status) => status.isCharacterDevice() },
  BlockDevice: { text: "a block device", isKind: (status) => status.isBlockDevice() },
};

/**
 * Checks the path of a hostPath volume, and creates it for the types `DirectoryOrCreate` (0755, with missing parents) and `FileOrCreate`
 * (0644, without them). Links are followed. Type "" is not checked: runtimes create a missing folder.
 */
export async function prepareHostPath(
  what: string,
  { path, type = "" }: HostPathVolumeSource,
): Promise<void> {
  if (!path.startsWith("/") || path.includes("\0") || path.split("/").includes(".."))
    throw volumeError(what, `hostPath.path must be absolute, without "..", got ${JSON.stringify(path)}`);
  if (type === "") return;
  const kind = kinds[type.replace(/OrCreate$/, "")];
  const mayCreate = type.endsWith("OrCreate");
  if (!kind || (mayCreate && type !== "DirectoryOrCreate" && type !== "FileOrCreate"))
    throw volumeError(what, `hostPath.type ${JSON.stringify(type)} is unknown`);
  if (mayCreate) await (type === "FileOrCreate" ? createFile(path) : createFolder(path));
  const status = await statusOf(path);
  // Also for what does not exist: the kubelet's words.
  if (!status || !kind.isKind(status))
    throw volumeError(what, `hostPath type check failed: ${path} is not ${kind.text}`);
}

async function createFolder(path: string): Promise<void> {
  if (!(await statusOf(path))) await ensureFolder(path, 0o755);
}

async function createFile(path: string): Promise<void> {
  let file: FileHandle;
  try {
    // Not truncated, and never opened where it exists: it may be a FIFO.
    file = await open(path, "wx", 0o644);
  } catch (error) {
    if (codeOf(error) === "EEXIST") return;
    throw error;
  }
  try {
    await file.chmod(0o644);
  } finally {
    await file.close();
  }
}

async function statusOf(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}
