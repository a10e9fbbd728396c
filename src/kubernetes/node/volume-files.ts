import { randomBytes } from "node:crypto";
import {
  chmod,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  readlink,
  rename,
  rmdir,
  symlink,
  unlink,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import { codeOf } from "../../core/index.js";
import type { VolumeFile } from "../config/volume-plans.js";
import { fileModeOf, setOwnership, type VolumeOwnership } from "./ownership.js";
import { removeTree } from "./remove-tree.js";
import { volumeError } from "./volume-error.js";

/** The link to the folder with the current files. Programs watch it to learn of updates. */
const current = "..data";
const next = "..data_tmp";
const nameLimitBytes = 255;
const pathLimitBytes = 4096;
/** Where this process is not root, containers run as its own user. */
const mayChown = process.getuid?.() === 0;

/**
 * Replaces the files of a volume, all at once, in the kubelet's layout: the files are in a folder that is named after the time,
 * `..data` is a link to it, and each topmost name is a link into `..data`. To replace `..data` switches all files. Does nothing where
 * the volume has these files already. Also completes or removes what a process left that died in this function.
 *
 * @param what the volume, for errors
 * @param folder an existing folder in which nothing else is created
 */
export async function writeVolumeFiles(
  what: string,
  folder: string,
  files: readonly VolumeFile[],
  ownership: VolumeOwnership | undefined,
): Promise<void> {
  checkFiles(what, files);
  const old = await linkTarget(join(folder, current));
  const isUnchanged = old !== undefined && (await hasFiles(join(folder, old), files, ownership));
  const name = isUnchanged ? old : await writeGeneration(folder, files, ownership);
  const topmost = new Set(files.map(({ path }) => path.split("/")[0] ?? path));
  for (const visible of topmost) await showEntry(what, folder, visible);
  if (!isUnchanged) {
    await gone(unlink(join(folder, next)));
    await symlink(name, join(folder, next));
    await rename(join(folder, next), join(folder, current));
  }
  for (const entry of await readdir(folder)) {
    if (entry === current || entry === name || topmost.has(entry)) continue;
    if (entry.startsWith("..")) await removeTree(join(folder, entry));
    else if ((await linkTarget(join(folder, entry))) === `${current}/${entry}`)
      await unlink(join(folder, entry));
  }
}

/** Writes the files into a new folder, and returns its name. */
async function writeGeneration(
  folder: string,
  files: readonly VolumeFile[],
  ownership: VolumeOwnership | undefined,
): Promise<string> {
  const time = new Date().toISOString().slice(0, 19).replace(/[-T:]/g, "_");
  const name = `..${time}.${randomBytes(5).readUInt32BE().toString()}`;
  const generation = join(folder, name);
  await makeFolder(generation);
  for (const { path, content, mode, user } of files) {
    let parent = generation;
    for (const part of path.split("/").slice(0, -1)) {
      parent = join(parent, part);
      await makeFolder(parent);
    }
    const file = await open(join(generation, path), "wx", 0o600);
    try {
      await file.writeFile(content);
      // Not by open(): the umask would change it.
      await file.chmod(mode & 0o7777);
      if (user !== undefined && mayChown) await file.chown(user, process.getgid?.() ?? 0);
    } finally {
      await file.close();
    }
  }
  if (ownership) await setOwnership(generation, ownership);
  return name;
}

/** Reports whether a folder has exactly these files, with their modes and group. */
async function hasFiles(
  generation: string,
  files: readonly VolumeFile[],
  ownership: VolumeOwnership | undefined,
): Promise<boolean> {
  const existing = await readdir(generation, { recursive: true, withFileTypes: true }).catch(
    (error: unknown) => {
      if (codeOf(error) === "ENOENT") return undefined;
      throw error;
    },
  );
  if (existing?.filter((entry) => !entry.isDirectory()).length !== files.length) return false;
  for (const { path, content, mode, user } of files) {
    const status = await lstat(join(generation, path)).catch(() => undefined);
    const wanted = ownership ? fileModeOf(mode, ownership) : mode;
    if (!status?.isFile() || status.size !== content.byteLength) return false;
    if ((status.mode & 0o7777) !== (wanted & 0o7777)) return false;
    if (user !== undefined && mayChown && status.uid !== user) return false;
    if (ownership && status.gid !== ownership.group) return false;
    if (!(await readFile(join(generation, path))).equals(content)) return false;
  }
  return true;
}

/** Creates the link of a topmost name. */
async function showEntry(what: string, folder: string, name: string): Promise<void> {
  const path = join(folder, name);
  const target = `${current}/${name}`;
  if ((await linkTarget(path)) === target) return;
  // A subPath creates a folder where the volume has no such file.
  await gone(rmdir(path)).catch((cause: unknown) => {
    throw volumeError(what, `${name} exists in the volume already, and is not an empty folder`, { cause });
  });
  await symlink(target, path);
}

/** Returns where a link leads; undefined where there is no link. */
async function linkTarget(path: string): Promise<string | undefined> {
  try {
    return await readlink(path);
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOENT" || code === "EINVAL") return undefined;
    throw error;
  }
}

async function gone(removal: Promise<void>): Promise<void> {
  try {
    await removal;
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
}

/** Creates a folder of a volume, which all users may read, unless it exists. */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
    await chmod(path, 0o755);
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
  }
}

/** Refuses paths that lead elsewhere, that are reserved for the layout, or that need a file where there is a folder. */
function checkFiles(what: string, files: readonly VolumeFile[]): void {
  const paths = new Set<string>();
  const refuse = (path: string, text: string) => {
    throw volumeError(what, `path ${JSON.stringify(path.slice(0, 300))} ${text}`);
  };
  for (const { path } of files) {
    const parts = path.split("/");
    if (path.includes("\0")) refuse(path, "must not contain NUL");
    if (parts.some((part) => part === "" || part === "." || part === ".."))
      refuse(path, 'must be relative, without empty parts, "." and ".."');
    if (path.startsWith("..")) refuse(path, 'must not begin with ".."');
    if (parts.some((part) => Buffer.byteLength(part) > nameLimitBytes))
      refuse(path, `must not have names longer than ${nameLimitBytes} bytes`);
    if (Buffer.byteLength(path) > pathLimitBytes)
      refuse(path, `must not have more than ${pathLimitBytes} bytes`);
    if (paths.has(path)) refuse(path, "occurs twice");
    paths.add(path);
  }
  for (const path of paths)
    for (let parent = dirname(path); parent !== "."; parent = dirname(parent))
      if (paths.has(parent)) refuse(path, `cannot be below ${JSON.stringify(parent)}, which is a file`);
}
