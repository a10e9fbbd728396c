import { isUtf8 } from "node:buffer";
import type { Header } from "tar-stream";

/** What is looked at of an archive's entry. */
export type EntryHeader = Pick<Header, "name" | "type"> &
  Partial<Pick<Header, "mode" | "mtime" | "linkname">> & {
    /** Whether a name in it is not UTF-8, and shown with U+FFFD: two such names may look the same. */
    readonly garbled?: boolean;
  };

/**
 * How archives are read. As it is, tar-stream decodes names as UTF-8, and what they were is lost. Its types do not know
 * this option, so the other one, at its default, makes the object one of theirs.
 */
export const extractOptions = { filenameEncoding: "latin1", highWaterMark: 16_384 };

/** A header of an archive that was read so, with its names as texts. */
export function decoded(header: Header): EntryHeader {
  const { type, mode, mtime, pax } = header;
  // Names in these extensions are always read as UTF-8.
  const long = (pax ?? {}) as { readonly path?: string; readonly linkpath?: string };
  const name = long.path ? fromUtf8(header.name) : fromBytes(header.name);
  // Its type says that there always is one.
  const target = (header.linkname as string | null) ?? "";
  const linkname = long.linkpath ? fromUtf8(target) : fromBytes(target);
  return {
    type,
    mode,
    mtime,
    name: name.text,
    linkname: linkname.text,
    garbled: name.garbled || linkname.garbled,
  };
}

interface Name {
  readonly text: string;
  readonly garbled: boolean;
}

function fromBytes(name: string): Name {
  const bytes = Buffer.from(name, "latin1");
  return { text: bytes.toString(), garbled: !isUtf8(bytes) };
}

function fromUtf8(text: string): Name {
  return { text, garbled: text.includes("\uFFFD") };
}
