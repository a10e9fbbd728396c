import { isUtf8 } from "node:buffer";
import type { Stats } from "node:fs";
import { lstat, open, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import type { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Header, pack as newPack, type Pack } from "tar-stream";
import { asCopyFailure, callbackFailed, copyFailed } from "./failures.js";
import type { CopyToOptions } from "./options.js";
import type { Tally } from "./tally.js";

type EntryHeader = Partial<Header> & Pick<Header, "name">;
type Owner = { readonly uid: number; readonly gid: number };

/** The contents of a folder as a tar archive, with names relative to it. Reading it rejects with the first error. */
export function packFolder(
  folder: string,
  { filter, owner }: CopyToOptions,
  tally: Tally,
): AsyncIterable<Uint8Array> {
  return packed((archive) =>
    walk(folder, "", askingFilter(filter ?? (() => true)), new Writer(archive, owner, tally)),
  );
}

/** One file as a tar archive with one entry of this name. */
export function packFile(
  path: string,
  stats: Stats,
  name: string,
  { owner }: CopyToOptions,
  tally: Tally,
): AsyncIterable<Uint8Array> {
  return packed((archive) => new Writer(archive, owner, tally).file(path, stats, name, ""));
}

/** A file of given contents as a tar archive with one entry of this name. */
export function packContent(
  content: Uint8Array,
  mode: number,
  name: string,
  { owner }: CopyToOptions,
  tally: Tally,
): AsyncIterable<Uint8Array> {
  return packed(async (archive) => {
    tally.file("");
    archive.entry({ name, mode, size: content.byteLength, ...owner }, Buffer.from(content));
    tally.bytes(content.byteLength);
  });
}

/**
 * An archive's bytes. Nothing is opened before they are first asked for: until then nobody would hear of an error, or
 * close what is open. Leaving the loop ends the archive, and waits until the file that is being read is closed.
 */
async function* packed(fill: (archive: Pack) => Promise<void>): AsyncGenerator<Uint8Array> {
  const archive = newPack();
  const filled = fill(archive).then(
    () => archive.finalize(),
    (error) => {
      archive.destroy();
      throw asCopyFailure(error);
    },
  );
  // Told below.
  filled.catch(() => undefined);
  try {
    for await (const chunk of archive) yield chunk as Uint8Array;
    await filled;
  } catch (error) {
    // What broke the filling says more than that the archive broke.
    await filled;
    throw error;
  } finally {
    archive.destroy();
    await filled.catch(() => undefined);
  }
}

/** The caller's filter, whose own errors are told as its own. */
function askingFilter(filter: (path: string) => boolean): (path: string) => boolean {
  return (path) => {
    try {
      return filter(path);
    } catch (error) {
      throw callbackFailed("filter", error);
    }
  };
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
    const stats = await lstat(path).catch((error) => {
      // Node puts this character where bytes are no UTF-8, and there is no such file then.
      throw name.includes("\uFFFD") ? copyFailed(`a file's name is not UTF-8: ${path}`, error) : error;
    });
    if (stats.isDirectory()) {
      await writer.plain({ ...writer.headerOf(stats, relative), type: "directory" });
      writer.tally.directory();
      await walk(path, relative, filter, writer);
    } else if (stats.isSymbolicLink()) {
      const target = await readlink(path, { encoding: "buffer" });
      if (!isUtf8(target)) throw copyFailed(`a link leads to a name that is not UTF-8: ${path}`);
      await writer.plain({
        ...writer.headerOf(stats, relative),
        type: "symlink",
        linkname: target.toString(),
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
    const header = { ...this.headerOf(stats, name), size };
    // A stream of another make than Node's, which Node's pipeline takes all the same.
    const entry = () => this.#archive.entry(header) as unknown as Writable;
    if (size === 0) {
      await pipeline([], entry());
      return;
    }
    const { tally } = this;
    const file = await open(path);
    try {
      // The end is a byte that is read, too, so that nothing at all has no end.
      const content = file.createReadStream({ end: size - 1, highWaterMark: 262_144, autoClose: false });
      await pipeline(
        content,
        // Not a listener: what the caller's onProgress throws must break the pipeline, not the process.
        async function* (chunks: AsyncIterable<Buffer>) {
          let bytes = 0;
          for await (const chunk of chunks) {
            bytes += chunk.byteLength;
            tally.bytes(chunk.byteLength);
            yield chunk;
          }
          if (bytes < size) throw copyFailed(`${path} became shorter while it was read`);
        },
        entry(),
      );
    } finally {
      await file.close();
    }
  }
}
