import { readFile } from "node:fs/promises";

/** A line of /proc/self/mountinfo. */
export interface MountEntry {
  readonly id: number;
  readonly parentId: number;
  readonly mountPoint: string;
  readonly fsType: string;
  /** Whether the mount passes mounts on to its peers, and receives theirs. */
  readonly isShared: boolean;
  /** Whether the mount receives mounts of a master. */
  readonly isSlave: boolean;
}

/** Returns the mounts that this process sees, in the order of the kernel's list. */
export async function readMountTable(): Promise<readonly MountEntry[]> {
  return parseMountTable(await readFile("/proc/self/mountinfo", "latin1"));
}

/** @param text the content of mountinfo, one character per byte */
export function parseMountTable(text: string): readonly MountEntry[] {
  return text.split("\n").flatMap((line) => {
    const [fixed = "", variable = ""] = line.split(" - ");
    const [id, parentId, , , mountPoint, , ...tags] = fixed.split(" ");
    if (mountPoint === undefined) return [];
    return {
      id: Number(id),
      parentId: Number(parentId),
      mountPoint: decodePath(mountPoint),
      fsType: variable.split(" ")[0] ?? "",
      isShared: tags.some((tag) => tag.startsWith("shared:")),
      isSlave: tags.some((tag) => tag.startsWith("master:")),
    };
  });
}

/** Spaces, tabs, line ends and backslashes are escaped as three octal digits. */
function decodePath(path: string): string {
  const bytes = path.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
  return Buffer.from(bytes, "latin1").toString("utf8");
}

/** Reports whether a path is the folder, or below it. Both are absolute and normalized. */
export function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith("/") ? folder : `${folder}/`);
}

/**
 * Returns the mounts at and below a folder, in the order of unmounting: what is mounted on or below another one comes first, and of two
 * at the same place, or of which one hides the other, the later one.
 */
export function mountsWithin(table: readonly MountEntry[], folder: string): readonly MountEntry[] {
  const found = table.filter(({ mountPoint }) => isWithin(mountPoint, folder)).reverse();
  const ids = new Set(found.map(({ id }) => id));
  const ordered: MountEntry[] = [];
  const add = (entry: MountEntry): void => {
    for (const child of found) if (child.parentId === entry.id && child !== entry) add(child);
    ordered.push(entry);
  };
  for (const entry of found) if (!ids.has(entry.parentId) || entry.parentId === entry.id) add(entry);
  return ordered;
}

/** Returns the mount that a path belongs to: the innermost one, and of several at one place the last. */
export function mountOf(table: readonly MountEntry[], path: string): MountEntry | undefined {
  let found: MountEntry | undefined;
  for (const entry of table)
    if (isWithin(path, entry.mountPoint) && entry.mountPoint.length >= (found?.mountPoint.length ?? 0))
      found = entry;
  return found;
}
