import { constants } from "node:fs";
import { chmod, link, lstat, mkdir, open, readlink, rm, symlink, utimes } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import type { Readable } from "node:stream";
import type { EntryHeader } from "./entry-header.js";
import { copyFailed, unsafeArchive } from "./failures.js";
import { entryParts } from "./paths.js";
import type { Tally } from "./tally.js";

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
  /** What was not made: its other names are not made either. */
  readonly #leftOut = new Map<string, EntryHeader>();
  #rootLink: string | undefined;

  constructor(destination: string, root: string, tally: Tally) {
    this.#destination = resolve(destination);
    this.#root = root;
    this.#tally = tally;
  }

  /** Where what was to become the destination leads to, when it is a link. It is not made. */
  get rootLink(): string | undefined {
    return this.#rootLink;
  }

  /** Tells of something that the archive's maker said about a file. */
  note(name: string, reason: string): void {
    const [first, ...rest] = entryParts(name) ?? [name];
    const parts = first === undefined || first === this.#root ? rest : [first, ...rest];
    this.#tally.skip(parts.join("/"), reason);
  }

  /** Takes one entry, and all of its contents. */
  async take(header: EntryHeader, content: Readable): Promise<void> {
    const parts = this.#partsOf(header.name);
    const path = join(this.#destination, ...parts);
    const shown = parts.join("/");
    if (header.type === "symlink" && parts.length === 0) this.#setRoot(header);
    else if (header.garbled) await this.#entry(path, shown, header, content);
    else if (header.type === "directory") await this.#folder(path, header);
    else {
      await this.#realFolder(dirname(path), header.name);
      await this.#entry(path, shown, header, content);
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

  #setRoot({ linkname = "", garbled }: EntryHeader): void {
    if (garbled) throw copyFailed(`the source leads to a name that is not UTF-8: ${linkname}`);
    this.#rootLink = linkname;
  }

  async #entry(path: string, shown: string, header: EntryHeader, content: Readable): Promise<void> {
    const { type, garbled } = header;
    if (garbled) this.#leaveOut(path, shown, header, "its name, or that of its target, is not UTF-8");
    else if (type === "file" || type === "contiguous-file") await this.#file(path, shown, header, content);
    else if (type === "symlink") await this.#symlink(path, shown, header);
    else if (type === "link") await this.#link(path, shown, header, content);
    else this.#leaveOut(path, shown, header, `it is a ${type ?? "thing that tar does not name"}`);
  }

  #leaveOut(path: string, shown: string, header: EntryHeader, reason: string): void {
    this.#leftOut.set(path, header);
    this.#tally.skip(shown, reason);
  }

  async #symlink(path: string, shown: string, header: EntryHeader): Promise<void> {
    const { linkname: target = "" } = header;
    if (!(await this.#staysInside(dirname(path), target))) {
      this.#leaveOut(path, shown, header, `it is a link that leads outside, to ${target}`);
      return;
    }
    await this.#clear(path);
    await symlink(target, path);
    this.#tally.link();
  }

  /**
   * Whether a link in a folder leads to a place inside. A `..` counts as leading up only from a folder that is there,
   * which stays one: from a link, or from a name that may yet become a link, it would lead anywhere.
   */
  async #staysInside(folder: string, target: string): Promise<boolean> {
    if (isAbsolute(target)) return false;
    let [at, real] = [folder, true];
    for (const part of target.split(sep === "/" ? "/" : /[/\\]/)) {
      if (part === "" || part === ".") continue;
      if (part === ".." && !real) return false;
      at = join(at, part);
      if (!this.#inside(at)) return false;
      if (part !== "..") real &&= await isRealFolder(at);
    }
    return true;
  }

  /** Another name of what the archive had before. */
  async #link(path: string, shown: string, header: EntryHeader, content: Readable): Promise<void> {
    const { name, linkname = "" } = header;
    const target = join(this.#destination, ...this.#partsOf(linkname));
    await this.#realFolder(dirname(target), name);
    const leftOut = this.#leftOut.get(target);
    const stats = await lstat(target).catch(() => undefined);
    if (leftOut) await this.#entry(path, shown, { ...leftOut, name }, content);
    // Where it leads from here may be elsewhere than from there.
    else if (stats?.isSymbolicLink())
      await this.#entry(path, shown, { name, type: "symlink", linkname: await readlink(target) }, content);
    else if (!stats?.isFile())
      throw unsafeArchive(name, `a link to ${JSON.stringify(linkname)}, which is no file of it`);
    else if (target !== path) {
      await this.#clear(path);
      await link(target, path);
      this.#tally.link();
    }
  }

  /** Removes a file or a link that is in the way; a folder stays, and is an error. */
  async #clear(path: string): Promise<void> {
    this.#leftOut.delete(path);
    const stats = await lstat(path).catch(() => undefined);
    if (stats?.isDirectory()) throw copyFailed(`${path} is in the way: it is a folder`);
    if (stats) await rm(path);
  }

  #inside(path: string): boolean {
    return path === this.#destination || path.startsWith(this.#destination + sep);
  }
}

async function isRealFolder(path: string): Promise<boolean> {
  const stats = await lstat(path).catch(() => undefined);
  return stats?.isDirectory() ?? false;
}
