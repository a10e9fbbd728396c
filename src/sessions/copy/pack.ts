import { createReadStream, type Stats } from "node:fs";
import { lstat, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import type { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Header, pack as newPack, type Pack } from "tar-stream";
import { asCopyFailure } from "./failures.js";
import type { CopyToOptions } from "./options.js";
import type { Tally } from "./tally.js";

type EntryHeader = Partial<Header> & Pick<Header, "name">;
type Owner = { readonly uid: number; readonly gid: number };

/** The contents of a folder as a tar archive, with names relative to it. The archive breaks with the first error. */
export function packFolder(
  folder: string,
  { filter, owner }: CopyToOptions,
  tally: Tally,
): AsyncIterable<Uint8Array> {
  const archive = newPack();
  const writer = new Writer(archive, owner, tally);
  walk(folder, "", filter ?? (() => true), writer).then(
    () => archive.finalize(),
    (error) => archive.destroy(asCopyFailure(error) as Error),
  );
  return bytesOf(archive);
}

/** One file as a tar archive with one entry of this name. */
export function packFile(
  path: string,
  stats: Stats,
  name: string,
  { owner }: CopyToOptions,
  tally: Tally,
): AsyncIterable<Uint8Array> {
  const archive = newPack();
  new Writer(archive, owner, tally).file(path, stats, name, "").then(
    () => archive.finalize(),
    (error) => archive.destroy(asCopyFailure(error) as Error),
  );
  return bytesOf(archive);
}

/** A file of given contents as a tar archive with one entry of this name. */
export function packContent(
  content: Uint8Array,
  mode: number,
  name: string,
  { owner }: CopyToOptions,
  tally: Tally,
): AsyncIterable<Uint8Array> {
  const archive = newPack();
  tally.file("");
  archive.entry({ name, mode, size: content.byteLength, ...owner }, Buffer.from(content));
  tally.bytes(content.byteLength);
  archive.finalize();
  return bytesOf(archive);
}

/** An archive's bytes; leaving the loop ends the archive. */
async function* bytesOf(archive: Pack): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of archive) yield chunk as Uint8Array;
  } finally {
    archive.destroy();
  }
}

async function walk(
  folder: string,
  below: string,
  filter: (path: string) => boolean,
  writer: Writer,
): Promise<void> {
  for (const name of (await readdir(folder)).sort()) {
    const [path, relative] = [join(folder, name), below === "" ? name : `${below}/${name}`];
    if (!filter(relative)) continue;
    const stats = await lstat(path);
    if (stats.isDirectory()) {
      await writer.plain({ ...writer.headerOf(stats, relative), type: "directory" });
      writer.tally.directory();
      await walk(path, relative, filter, writer);
    } else if (stats.isSymbolicLink()) {
      await writer.plain({
        ...writer.headerOf(stats, relative),
        type: "symlink",
        linkname: await readlink(path),
      });
      writer.tally.link();
    } else if (stats.isFile()) await writer.file(path, stats, relative, relative);
    else writer.tally.skip(relative, "it is a device, a socket or a pipe");
  }
}

class Writer {
  readonly tally: Tally;
  readonly #archive: Pack;
  readonly #owner: Owner;

  constructor(archive: Pack, owner: Owner = { uid: 0, gid: 0 }, tally: Tally) {
    this.#archive = archive;
    this.#owner = owner;
    this.tally = tally;
  }

  headerOf({ mode, mtime }: Stats, name: string): EntryHeader {
    return { name, mode: mode & 0o7777, mtime, ...this.#owner };
  }

  /** An entry without contents. */
  plain(header: EntryHeader): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#archive.entry({ ...header, size: 0 }, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** A file, of the size that it has now: one that grows meanwhile is cut, one that shrinks is an error. */
  async file(path: string, stats: Stats, name: string, shown: string): Promise<void> {
    this.tally.file(shown);
    const { size } = stats;
    const entry = this.#archive.entry({ ...this.headerOf(stats, name), size });
    // The end is a byte that is read, too, so that nothing at all has no end.
    const content = size === 0 ? [] : createReadStream(path, { end: size - 1, highWaterMark: 262_144 });
    if ("on" in content) content.on("data", (chunk) => this.tally.bytes(chunk.length));
    // A stream of another make than Node's, which Node's pipeline takes all the same.
    await pipeline(content, entry as unknown as Writable);
  }
}
