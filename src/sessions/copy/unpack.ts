import { constants } from "node:fs";
import { chmod, link, lstat, mkdir, open, rm, symlink, utimes } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import type { Readable } from "node:stream";
import type { Header } from "tar-stream";
import { copyFailed, unsafeArchive } from "./failures.js";
import { entryParts } from "./paths.js";
import type { Tally } from "./tally.js";

/** What is looked at of an entry. */
export type EntryHeader = Pick<Header, "name" | "type"> &
  Partial<Pick<Header, "mode" | "mtime" | "linkname">>;

/**
 * Writes the entries of an archive below a destination, and nothing elsewhere: an entry with `..` or an absolute name
 * is refused, none is written through a link, and links that lead outside are not made. The archive comes from a
 * container, whose word on any of this is worth nothing.
 */
export class Unpacker {
  readonly #destination: string;
  /** How the archive calls what becomes the destination itself. */
  readonly #root: string;
  readonly #tally: Tally;
  /** Folders that are known to be real ones. */
  readonly #checked = new Set<string>();
  /** What folders are given at the end: before, a read-only one could not be filled. */
  readonly #folders: { readonly path: string; readonly header: EntryHeader }[] = [];

  constructor(destination: string, root: string, tally: Tally) {
    this.#destination = resolve(destination);
    this.#root = root;
    this.#tally = tally;
  }

  /** Takes one entry, and all of its contents. */
  async take(header: EntryHeader, content: Readable): Promise<void> {
    const parts = this.#partsOf(header.name);
    const path = join(this.#destination, ...parts);
    const shown = parts.join("/");
    const { type } = header;
    if (type === "directory") await this.#folder(path, header);
    else {
      await this.#realFolder(dirname(path), header.name);
      if (type === "file" || type === "contiguous-file") await this.#file(path, shown, header, content);
      else if (type === "symlink") await this.#symlink(path, shown, header.linkname ?? "");
      else if (type === "link") await this.#link(path, header);
      else this.#tally.skip(shown, `it is a ${type ?? "thing that tar does not name"}`);
    }
    for await (const _ of content); // Contents that no entry of this type has.
  }

  /** Gives folders their modes and times. */
  async finish(): Promise<void> {
    for (const { path, header } of this.#folders.reverse()) {
      await chmod(path, (header.mode ?? 0o755) & 0o7777);
      if (header.mtime) await utimes(path, header.mtime, header.mtime);
    }
  }

  #partsOf(name: string): string[] {
    const parts = entryParts(name);
    if (!parts) throw unsafeArchive(name, "which leads out of the archive");
    if (this.#root === ".") return parts;
    const [first, ...rest] = parts;
    if (first !== this.#root) throw unsafeArchive(name, `which is not below ${JSON.stringify(this.#root)}`);
    return rest;
  }

  async #folder(path: string, header: EntryHeader): Promise<void> {
    await this.#realFolder(path, header.name);
    this.#tally.directory();
    this.#folders.push({ path, header });
  }

  /** Makes a folder and those above it, up to the destination, and makes sure that none of them is a link. */
  async #realFolder(path: string, name: string): Promise<void> {
    const below = relative(this.#destination, path);
    // The destination's own parent: chosen by the caller, so links are welcome.
    if (below === ".." || this.#checked.has(path)) {
      await mkdir(path, { recursive: true });
      return;
    }
    if (path !== this.#destination) await this.#realFolder(dirname(path), name);
    const stats = await lstat(path).catch(() => undefined);
    if (!stats) await mkdir(path, { recursive: path === this.#destination });
    else if (stats.isSymbolicLink() && path !== this.#destination)
      throw unsafeArchive(name, `which would be written through the link ${JSON.stringify(below)}`);
    else if (!stats.isDirectory() && !stats.isSymbolicLink())
      throw copyFailed(`${path} is in the way: it is not a folder`);
    this.#checked.add(path);
  }

  async #file(path: string, shown: string, header: EntryHeader, content: Readable): Promise<void> {
    this.#tally.file(shown);
    await this.#clear(path);
    const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW = 0 } = constants;
    const file = await open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    try {
      // A loop, which hears of an archive that broke even before it began to read.
      for await (const chunk of content as AsyncIterable<Buffer>) {
        await file.appendFile(chunk);
        this.#tally.bytes(chunk.byteLength);
      }
      await file.chmod((header.mode ?? 0o644) & 0o777);
      if (header.mtime) await file.utimes(header.mtime, header.mtime);
    } finally {
      await file.close();
    }
  }

  async #symlink(path: string, shown: string, target: string): Promise<void> {
    if (!this.#inside(resolve(dirname(path), target)) || isAbsolute(target)) {
      this.#tally.skip(shown, `it is a link that leads outside, to ${target}`);
      return;
    }
    await this.#clear(path);
    await symlink(target, path);
    this.#tally.link();
  }

  async #link(path: string, { name, linkname = "" }: EntryHeader): Promise<void> {
    const target = join(this.#destination, ...this.#partsOf(linkname));
    await this.#realFolder(dirname(target), name);
    const stats = await lstat(target).catch(() => undefined);
    if (!stats?.isFile())
      throw unsafeArchive(name, `a link to ${JSON.stringify(linkname)}, which is no file of it`);
    if (target === path) return;
    await this.#clear(path);
    await link(target, path);
    this.#tally.link();
  }

  /** Removes a file or a link that is in the way; a folder stays, and is an error. */
  async #clear(path: string): Promise<void> {
    const stats = await lstat(path).catch(() => undefined);
    if (stats?.isDirectory()) throw copyFailed(`${path} is in the way: it is a folder`);
    if (stats) await rm(path);
  }

  #inside(path: string): boolean {
    return path === this.#destination || path.startsWith(this.#destination + sep);
  }
}
