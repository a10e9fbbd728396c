import { isUtf8 } from "node:buffer";
import { type Readable, Transform, type TransformCallback } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Extract, Header } from "tar-stream";
import { isError } from "../../core/index.js";
import { copyIncomplete } from "./errors.js";

/** The fields of an archive entry that a copy uses. */
export type EntryHeader = Pick<Header, "name" | "type"> &
  Partial<Pick<Header, "mode" | "linkname">> & {
    readonly mtime?: Date | undefined;
    /** Whether a name is not valid UTF-8. It then contains U+FFFD, so two different names may look equal. */
    readonly garbled?: boolean;
  };

/**
 * Reads names byte by byte: by default, tar-stream decodes them as UTF-8, which loses invalid bytes. Its types omit this option;
 * the second one, at its default, makes the object assignable.
 */
const extractOptions = { filenameEncoding: "latin1", highWaterMark: 16_384 };

/** Takes one entry of an archive and consumes its content. */
export type TakeEntry = (header: EntryHeader, content: Readable) => Promise<void>;

/**
 * Reads the entries of a tar archive in order. Rejects with `copy_incomplete` for an archive that ends within an entry; for one that
 * ends between two entries, `isComplete` is false.
 */
export type ReadArchive = (input: Readable, take: TakeEntry) => Promise<{ readonly isComplete: boolean }>;

/** Loads the tar library on first use, since few programs copy files, and returns the reader. */
export async function loadArchiveReader(): Promise<ReadArchive> {
  const { extract } = await import("tar-stream");
  return (input, take) => readArchive(extract(extractOptions), input, take);
}

async function readArchive(
  archive: Extract,
  input: Readable,
  take: TakeEntry,
): Promise<{ readonly isComplete: boolean }> {
  const end = new ArchiveEnd();
  const arriving = pipeline(input, end, archive);
  // The loop fails with the same error or with a more precise one.
  arriving.catch(() => undefined);
  try {
    for await (const entry of archive) {
      end.noteEntry(entry.offset, entry.header.size);
      // The entry is a stream of another library, but behaves as Node's.
      await take(decodeHeader(entry.header), entry as unknown as Readable);
    }
  } catch (error) {
    archive.destroy();
    const failure: unknown = await arriving.catch((cause: unknown) => cause);
    // tar-stream's errors have no codes.
    if (isError(failure) && failure.message === "Unexpected end of data")
      throw copyIncomplete("the archive ends in the middle of a file");
    throw error;
  }
  await arriving;
  return { isComplete: end.isSeen };
}

const blockBytes = 512;
/** A tar archive ends with two blocks of zeros. */
const endBytes = 2 * blockBytes;

/** Passes an archive through and checks for its end: an archive that was cut off between two entries looks valid otherwise. */
class ArchiveEnd extends Transform {
  #bytes = 0;
  #entriesEnd = 0;

  /** Whether the two final blocks have followed the last entry. */
  get isSeen(): boolean {
    return this.#bytes - this.#entriesEnd >= endBytes;
  }

  /** Notes an entry: a header of one block at `offset`, followed by `size` bytes of content. */
  noteEntry(offset: number, size: number): void {
    this.#entriesEnd = offset + blockBytes + Math.ceil(size / blockBytes) * blockBytes;
  }

  override _transform(chunk: Buffer, _encoding: string, done: TransformCallback): void {
    this.#bytes += chunk.byteLength;
    done(null, chunk);
  }
}

function decodeHeader(header: Header): EntryHeader {
  const { type, mode, pax } = header;
  // tar-stream always reads the names of extended headers as UTF-8.
  const extended = (pax ?? {}) as {
    readonly path?: string;
    readonly linkpath?: string;
    readonly mtime?: string;
  };
  const name = extended.path ? decodedName(header.name) : decodeName(header.name);
  // Despite its type, the field may be null.
  const target = (header.linkname as string | null) ?? "";
  const linkname = extended.linkpath ? decodedName(target) : decodeName(target);
  return {
    type,
    mode,
    mtime: decodeTime(header.mtime, extended.mtime),
    name: name.text,
    linkname: linkname.text,
    garbled: name.garbled || linkname.garbled,
  };
}

/** Returns a time: tar-stream ignores those of extended headers, and reads negative ones as one second later. */
function decodeTime(time: Date | undefined, extended: string | undefined): Date | undefined {
  const seconds = Number(extended || Number.NaN);
  if (Number.isFinite(seconds)) return new Date(seconds * 1_000);
  return time && time.getTime() < 0 ? new Date(time.getTime() - 1_000) : time;
}

interface Name {
  readonly text: string;
  readonly garbled: boolean;
}

function decodeName(latin1: string): Name {
  const bytes = Buffer.from(latin1, "latin1");
  return { text: bytes.toString(), garbled: !isUtf8(bytes) };
}

function decodedName(text: string): Name {
  return { text, garbled: text.includes("\uFFFD") };
}
