import { chmod, chown, lchown } from "node:fs/promises";
import { type EntryName, OpenFolder, pathOf } from "./open-folder.js";

const setgid = 0o2000;

/** The group that a volume belongs to. */
export interface VolumeOwnership {
  /** `spec.securityContext.fsGroup` */
  readonly group: number;
  /** Whether containers may write to the volume: then the group may, too. */
  readonly isReadOnly: boolean;
}

/**
 * Gives a volume and everything in it to a group: regular files get the permissions rw (r where it is read-only), folders rwx (rx) and
 * setgid. Links are not followed, and only their own group changes. The topmost folder comes last, so that
 * {@link hasOwnership} is false until everything was done.
 */
export async function setOwnership(path: string, ownership: VolumeOwnership): Promise<void> {
  const folder = await OpenFolder.open(path);
  try {
    await ownContent(folder, ownership);
    await ownItself(folder.path, await folder.status(), ownership);
  } finally {
    await folder.close();
  }
}

/** Reports whether the topmost folder of a volume has its group and permissions: the rule of `OnRootMismatch`. */
export async function hasOwnership(path: string, ownership: VolumeOwnership): Promise<boolean> {
  const folder = await OpenFolder.open(path);
  try {
    const { gid, mode } = await folder.status();
    const wanted = folderBits(ownership);
    return gid === ownership.group && (mode & wanted) === wanted;
  } finally {
    await folder.close();
  }
}

/** Returns the mode of a file that has `mode` and belongs to the group. */
export function fileModeOf(mode: number, { isReadOnly }: VolumeOwnership): number {
  return mode | (isReadOnly ? 0o440 : 0o660);
}

function folderBits(ownership: VolumeOwnership): number {
  return fileModeOf(0o110, ownership) | setgid;
}

async function ownContent(folder: OpenFolder, ownership: VolumeOwnership): Promise<void> {
  for (const { name } of await folder.entries()) await ownEntry(folder, name, ownership);
}

async function ownEntry(parent: OpenFolder, name: EntryName, ownership: VolumeOwnership): Promise<void> {
  const handle = await parent.openEntry(name);
  try {
    const status = await handle.stat();
    if (status.isSymbolicLink()) return await lchown(parent.entry(name), -1, ownership.group);
    if (status.isDirectory()) {
      const folder = await parent.enter(name);
      try {
        await ownContent(folder, ownership);
      } finally {
        await folder.close();
      }
    }
    await ownItself(pathOf(handle), status, ownership);
  } finally {
    await handle.close();
  }
}

/** @param path a path that leads to the file itself: of an open descriptor */
async function ownItself(
  path: string,
  status: { readonly mode: number; isDirectory(): boolean },
  ownership: VolumeOwnership,
): Promise<void> {
  // Before chmod: chown removes setgid.
  await chown(path, -1, ownership.group);
  const mode = status.mode & 0o7777;
  await chmod(path, status.isDirectory() ? mode | folderBits(ownership) : fileModeOf(mode, ownership));
}
