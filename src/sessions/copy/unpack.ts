import { constants } from "node:fs";
import { chmod, type FileHandle, link, open, symlink, unlink, utimes } from "node:fs/promises";
import type { Readable } from "node:stream";
import { codeOf } from "../../core/index.js";
import type { EntryHeader } from "./archive.js";
import { Destination, type Place } from "./destination.js";
import { copyFailed, unsafeArchive } from "./errors.js";
import { entryParts } from "./paths.js";
import type { ProgressCounter } from "./progress.js";

/** The longest path that most systems accept. A path relative to an open folder has no limit, but its files could not be used. */
const pathLimit = 4_096;
const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW = 0 } = constants;

/** A file whose archived content may be wrong. */
export interface DoubtfulFile {
  /** The name in the archive. */
  readonly name: string;
  /** Whether the archived content ends with zeros that the file does not have; otherwise, it is empty. */
  readonly isPadded: boolean;
  /** Whether the file is the whole copy. */
  readonly isRoot: boolean;
}

/** Metadata of an entry that a file gets. */
type FileHeader = Pick<EntryHeader, "mode" | "mtime">;

/**
 * Writes the entries of an archive below a destination, and nowhere else: refuses entries with `..` or an absolute name, never writes
 * through a link, and does not create links that lead outside. The archive comes from a container and is not trusted.
 */
export class Unpacker implements AsyncDisposable {
  readonly #destination: Destination;
  /** The name in the archive of the entry that becomes the destination itself. */
  readonly #root: string;
  readonly #progress: ProgressCounter;
  /** Folders whose mode and time are set at the end, since a read-only folder could not be filled. By path. */
  readonly #folders = new Map<string, { readonly parts: readonly string[]; readonly header: EntryHeader }>();
  /** Entries that were skipped: hard links to them are skipped as well. By path. */
  readonly #skipped = new Map<string, EntryHeader>();
  readonly #doubtful = new Map<string, DoubtfulFile>();
  /** The hard links to a file, by its path. */
  readonly #hardLinks = new Map<string, (readonly string[])[]>();
  #rootLink: string | undefined;

  constructor(target: string, root: string, progress: ProgressCounter) {
    this.#destination = new Destination(target);
    this.#root = root;
    this.#progress = progress;
  }

  /** The target of the root entry if that is a link, which is not created. */
  get rootLink(): string | undefined {
    return this.#rootLink;
  }

  /** Files whose content must be read again: empty ones, and those of {@link doubt}. */
  get doubtful(): readonly DoubtfulFile[] {
    return [...this.#doubtful.values()];
  }

  /** Adds a file to the skipped entries, by its name in the archive. */
  skip(name: string, reason: string): void {
    const [first, ...rest] = entryParts(name) ?? [name];
    const parts = first === undefined || first === this.#root ? rest : [first, ...rest];
    this.#progress.addSkipped(parts.join("/"), reason);
  }

  /** Notes that the archived content of a file ends with zeros that the file does not have. */
  doubt(name: string): void {
    const parts = this.#partsOf(name);
    this.#doubtful.set(keyOf(parts), { name, isPadded: true, isRoot: parts.length === 0 });
  }

  /** Writes one entry and consumes its content. */
  async take(header: EntryHeader, content: Readable): Promise<void> {
    const parts = this.#partsOf(header.name);
    if (header.type === "symlink" && parts.length === 0) this.#setRoot(header);
    else if (header.garbled) this.#skipGarbled(parts, header);
    else if (header.type === "directory") await this.#folder(parts, header);
    else await this.#destination.at(parts, (place) => this.#entry(place, header, content));
    for await (const _ of content); // An entry of this type should have none.
  }

  /**
   * Replaces the content of a file that was written, and keeps its mode and time. A file that is only suspected of having content stays
   * as it is if there is none.
   */
  async replace({ name, isPadded }: DoubtfulFile, content: AsyncGenerator<Buffer>): Promise<void> {
    const parts = this.#partsOf(name);
    const first = await content.next();
    if (first.done && !isPadded) return;
    const whole = async function* () {
      if (!first.done) yield first.value;
      yield* content;
    };
    await this.#destination.at(parts, async (place) => {
      const old = await place.folder.statusOf(place.name);
      if (!old?.isFile())
        throw copyFailed(`${place.folder.pathOf(place.name)}: was replaced while it was copied`);
      this.#progress.addBytes(-old.size);
      await this.#write(place, old, whole());
    });
    for (const other of this.#hardLinks.get(keyOf(parts)) ?? [])
      await this.#destination.at(other, (place) => this.#hardLink(place, parts));
  }

  /** Sets the modes and times of folders. */
  async finish(): Promise<void> {
    const byPath = [...this.#folders].sort(([one], [other]) => (one < other ? 1 : -1));
    for (const [, { parts, header }] of byPath) {
      const folder = await this.#destination.folder(parts);
      await folder.self((path) => chmod(path, (header.mode ?? 0o755) & 0o7777));
      const { mtime } = header;
      if (mtime) await folder.self((path) => utimes(path, mtime, mtime));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#destination[Symbol.asyncDispose]();
  }

  #partsOf(name: string): string[] {
    const parts = entryParts(name);
    if (!parts) throw unsafeArchive(name, "leads out of the archive");
    if (name.length > pathLimit)
      throw copyFailed(`${name.slice(0, 80)}…: the path is longer than ${pathLimit} characters`);
    if (this.#root === ".") return parts;
    const [first, ...rest] = parts;
    if (first !== this.#root) throw unsafeArchive(name, `is not below ${JSON.stringify(this.#root)}`);
    return rest;
  }

  async #folder(parts: readonly string[], header: EntryHeader): Promise<void> {
    await this.#destination.folderToFill(parts);
    this.#progress.addDirectory();
    this.#folders.set(keyOf(parts), { parts, header });
  }

  async #entry(place: Place, header: EntryHeader, content: Readable): Promise<void> {
    const { type, name } = header;
    const isRoot = place.parts.length === 0;
    if (type === "file" || type === "contiguous-file") {
      this.#progress.addFile(keyOf(place.parts));
      const bytes = await this.#write(place, header, content);
      if (bytes === 0) this.#doubtful.set(keyOf(place.parts), { name, isPadded: false, isRoot });
    } else if (type === "symlink" && !isRoot) await this.#symlink(place, header);
    else if (type === "link" && !isRoot) await this.#link(place, header, content);
    else this.#skip(place.parts, header, type ? `is a ${type}` : "has an unknown type");
  }

  /** Writes a file. Returns the number of its bytes. */
  async #write(place: Place, { mode, mtime }: FileHeader, content: AsyncIterable<Buffer>): Promise<number> {
    const file = await this.#create(place);
    let bytes = 0;
    try {
      // A loop also fails for an archive that broke before the reading started.
      for await (const chunk of content) {
        await file.appendFile(chunk);
        bytes += chunk.byteLength;
        this.#progress.addBytes(chunk.byteLength);
      }
      await file.chmod((mode ?? 0o644) & 0o777);
      if (mtime) await file.utimes(mtime, mtime);
      return bytes;
    } finally {
      await file.close();
    }
  }

  /** Creates a file, in place of an existing one. */
  #create(place: Place): Promise<FileHandle> {
    this.#forget(place);
    const create = (path: string) => open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    return place.folder.at(place.name, (path) =>
      create(path).catch(async (error) => {
        if (codeOf(error) !== "EEXIST") throw error;
        await this.#clear(place);
        return create(path);
      }),
    );
  }

  #setRoot({ linkname = "", garbled }: EntryHeader): void {
    if (garbled) throw copyFailed(`the target of the source link is not valid UTF-8: ${linkname}`);
    this.#rootLink = linkname;
  }

  #skip(parts: readonly string[], header: EntryHeader, reason: string): void {
    this.#skipped.set(keyOf(parts), header);
    this.#progress.addSkipped(keyOf(parts), reason);
  }

  #skipGarbled(parts: readonly string[], header: EntryHeader): void {
    this.#skip(parts, header, "its name or the name of its target is not valid UTF-8");
  }

  async #symlink(place: Place, header: EntryHeader): Promise<void> {
    const { linkname: target = "" } = header;
    if (!(await this.#destination.staysInside(place.parts.slice(0, -1), target))) {
      this.#skip(place.parts, header, `is a link that leads outside, to ${target}`);
      return;
    }
    await this.#clear(place);
    await place.folder.at(place.name, (path) => symlink(target, path));
    this.#progress.addLink();
  }

  /** Creates a hard link to an earlier entry. */
  async #link(place: Place, header: EntryHeader, content: Readable): Promise<void> {
    const { name, linkname = "" } = header;
    const target = this.#partsOf(linkname);
    if (keyOf(target) === keyOf(place.parts)) return;
    const skipped = this.#skipped.get(keyOf(target));
    if (skipped?.garbled) return this.#skipGarbled(place.parts, { ...skipped, name });
    if (skipped) return this.#entry(place, { ...skipped, name }, content);
    const stats = await this.#destination.statusOf(target);
    // The same relative target may lead elsewhere from another folder.
    if (stats?.isSymbolicLink())
      return this.#symlink(place, {
        name,
        type: "symlink",
        linkname: await this.#destination.readLink(target),
      });
    if (!stats?.isFile())
      throw unsafeArchive(
        name,
        `is a hard link to ${JSON.stringify(linkname)}, which is not a file of the archive`,
      );
    await this.#hardLink(place, target);
    this.#progress.addLink();
    const others = this.#hardLinks.get(keyOf(target));
    if (others) others.push(place.parts);
    else this.#hardLinks.set(keyOf(target), [place.parts]);
  }

  async #hardLink(place: Place, target: readonly string[]): Promise<void> {
    const folder = await this.#destination.earlierFolder(target);
    await this.#clear(place);
    await folder.at(target.at(-1) ?? "", (existing) =>
      place.folder.at(place.name, (created) => link(existing, created)),
    );
  }

  /** Removes an existing file or link. Throws `copy_failed` for a folder. */
  async #clear(place: Place): Promise<void> {
    this.#forget(place);
    const { folder, name } = place;
    const stats = await folder.statusOf(name);
    if (stats?.isDirectory()) throw copyFailed(`${folder.pathOf(name)}: exists and is a folder`);
    if (stats) await folder.at(name, (path) => unlink(path));
  }

  /** Forgets an earlier entry of this name. */
  #forget({ parts }: Place): void {
    this.#skipped.delete(keyOf(parts));
    this.#doubtful.delete(keyOf(parts));
  }
}

function keyOf(parts: readonly string[]): string {
  return parts.join("/");
}
