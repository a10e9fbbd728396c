import { isUtf8 } from "node:buffer";
import type { Stats } from "node:fs";
import { readdir, readlink } from "node:fs/promises";
import type { CopyToOptions } from "../options.js";
import { copyFailed } from "./errors.js";
import { Folder } from "./folder.js";
import type { ProgressCounter } from "./progress.js";
import { modeOf, type OpenFile, openSource, readSource } from "./source-file.js";
import { endOfArchive, paddingOf, type TarEntry, tarHeader } from "./tar.js";

type Owner = { readonly uid: number; readonly gid: number };
type Bytes = AsyncGenerator<Uint8Array, void, undefined>;
/** The owner in an archive for copies without one: the container's tar can set it, or does not try. */
const root: Owner = { uid: 0, gid: 0 };
const joinedBytes = 65_536;

/**
 * Packs the contents of a folder as a tar archive, with names relative to the folder. Folders come twice: writable before their
 * contents, and at the end with their own modes and times, since a folder without write permission could not be filled. Like all
 * archives here, it opens nothing before its first bytes are read: an earlier error would be unhandled, and open files never closed.
 */
export async function* packFolder(
  folder: string,
  filter: (path: string) => boolean,
  { owner = root }: CopyToOptions,
  progress: ProgressCounter,
): Bytes {
  const packer = new FolderPacker(filter, owner, progress);
  const opened = await Folder.open(folder);
  try {
    yield* packer.contents(opened, "");
  } finally {
    await opened.close();
  }
  yield* packer.finalFolders();
  yield endOfArchive;
}

/** Packs one file as a tar archive with one entry of this name. */
export async function* packFile(
  path: string,
  name: string,
  { owner = root }: CopyToOptions,
  progress: ProgressCounter,
): Bytes {
  progress.addFile("");
  const file = await openSource(path, path);
  try {
    yield* packOpenFile(file, name, "", owner, progress);
  } finally {
    await file.handle.close();
  }
  yield endOfArchive;
}

/** Packs a file with the given content as a tar archive with one entry of this name. */
export async function* packContent(
  content: Uint8Array,
  mode: number,
  name: string,
  { owner = root }: CopyToOptions,
  progress: ProgressCounter,
): Bytes {
  progress.addFile("");
  if (mode & 0o6000) progress.addSpecialMode("");
  const size = content.byteLength;
  const mtime = Math.floor(Date.now() / 1000);
  yield tarHeader({ name, type: "file", mode: modeOf(mode), mtime, size, ...owner });
  yield content;
  progress.addBytes(size);
  yield paddingOf(size);
  yield endOfArchive;
}

/** Joins short parts of an archive: headers and small files would be sent one by one. */
export async function* joined(parts: AsyncIterable<Uint8Array>): Bytes {
  let [held, bytes]: [Uint8Array[], number] = [[], 0];
  for await (const part of parts) {
    held.push(part);
    bytes += part.byteLength;
    if (bytes < joinedBytes) continue;
    yield* held.length === 1 ? held : [Buffer.concat(held)];
    [held, bytes] = [[], 0];
  }
  if (bytes > 0) yield Buffer.concat(held);
}

async function* packOpenFile(
  file: OpenFile,
  name: string,
  shown: string,
  owner: Owner,
  progress: ProgressCounter,
): Bytes {
  const { mode } = file.stats;
  if (mode & 0o6000) progress.addSpecialMode(shown);
  const { size, chunks, hasChanged } = await readSource(file);
  yield tarHeader({ ...entryOf(file.stats, name, owner), type: "file", size });
  for await (const chunk of chunks) {
    progress.addBytes(chunk.byteLength);
    yield chunk;
  }
  yield paddingOf(size);
  if (await hasChanged()) progress.addSkipped(shown, "was copied but changed while it was read");
}

function entryOf({ mode, mtimeMs }: Stats, name: string, owner: Owner): Omit<TarEntry, "type" | "size"> {
  return { name, mode: modeOf(mode), mtime: Math.floor(mtimeMs / 1000), ...owner };
}

/** Packs a folder with everything in it. */
class FolderPacker {
  readonly #filter: (path: string) => boolean;
  readonly #owner: Owner;
  readonly #progress: ProgressCounter;
  /** The folders with their own modes and times, outermost first. */
  readonly #folders: TarEntry[] = [];

  constructor(filter: (path: string) => boolean, owner: Owner, progress: ProgressCounter) {
    this.#filter = filter;
    this.#owner = owner;
    this.#progress = progress;
  }

  async *contents(folder: Folder, below: string): Bytes {
    for (const name of (await folder.self((path) => readdir(path))).sort()) {
      const relative = below === "" ? name : `${below}/${name}`;
      if (this.#filter(relative)) yield* this.#entry(folder, name, relative);
    }
  }

  /** Yields the headers that complete the folders, innermost first. */
  *finalFolders(): Generator<Uint8Array, void, undefined> {
    for (const entry of this.#folders.reverse()) yield tarHeader(entry);
  }

  async *#entry(folder: Folder, name: string, relative: string): Bytes {
    const stats = await folder.statusOf(name);
    if (!stats) throw missing(folder, name);
    if (stats.isDirectory()) yield* this.#folder(folder, name, relative);
    else if (stats.isSymbolicLink()) yield* this.#link(folder, name, relative, stats);
    else if (stats.isFile()) yield* this.#file(folder, name, relative);
    else this.#progress.addSkipped(relative, "is a device, a socket or a pipe");
  }

  async *#folder(parent: Folder, name: string, relative: string): Bytes {
    const folder = await parent.enter(name);
    try {
      const entry = {
        ...entryOf(await folder.status(), relative, this.#owner),
        type: "directory",
        size: 0,
      } as const;
      this.#folders.push(entry);
      yield tarHeader({ ...entry, mode: entry.mode | 0o700 });
      this.#progress.addDirectory();
      yield* this.contents(folder, relative);
    } finally {
      await folder.close();
    }
  }

  async *#link(folder: Folder, name: string, relative: string, stats: Stats): Bytes {
    const target = await folder.at(name, (path) => readlink(path, { encoding: "buffer" }));
    if (!isUtf8(target))
      throw copyFailed(`${folder.pathOf(name)}: the target of the link is not valid UTF-8`);
    const linkname = target.toString();
    yield tarHeader({ ...entryOf(stats, relative, this.#owner), type: "symlink", size: 0, linkname });
    this.#progress.addLink();
  }

  async *#file(folder: Folder, name: string, relative: string): Bytes {
    this.#progress.addFile(relative);
    const file = await folder.at(name, (path) => openSource(path, folder.pathOf(name), "no links"));
    try {
      yield* packOpenFile(file, relative, relative, this.#owner, this.#progress);
    } finally {
      await file.handle.close();
    }
  }
}

function missing(folder: Folder, name: string): Error {
  const path = folder.pathOf(name);
  // Node decodes invalid UTF-8 to this character, and then does not find the file.
  return copyFailed(
    name.includes("\uFFFD")
      ? `${path}: the file name is not valid UTF-8`
      : `ENOENT: no such file or directory, lstat '${path}'`,
  );
}
