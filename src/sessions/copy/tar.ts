import { criError } from "../../core/index.js";

/** The metadata of an archive entry. */
export interface TarEntry {
  readonly name: string;
  readonly type: "file" | "directory" | "symlink";
  /** The permissions, with setuid, setgid and the sticky bit. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** The size of the content in bytes; 0 for links and folders. */
  readonly size: number;
  /** In whole seconds since 1970; may be negative. */
  readonly mtime: number;
  /** The target of a link. */
  readonly linkname?: string;
}

const blockBytes = 512;
const nameBytes = 100;
const typeFlags = { file: "0", symlink: "2", directory: "5" } as const;

/** The end of an archive: two blocks of zeros. */
export const endOfArchive = Buffer.alloc(2 * blockBytes);

/** Returns the zeros that fill the last block of a content of this size. */
export function paddingOf(size: number): Buffer {
  return endOfArchive.subarray(0, (blockBytes - (size % blockBytes)) % blockBytes);
}

/**
 * Encodes the header of an entry in GNU's format. BusyBox ignores what a PAX header says about ids, times and link targets, so
 * numbers that do not fit their octal digits are binary (base-256), and long names precede the header as entries of their own. GNU
 * tar, BusyBox, bsdtar and toybox read both. Throws `invalid_request` for a number that is not an integer.
 */
export function tarHeader({ name, linkname = "", ...entry }: TarEntry): Buffer {
  // An archive marks folders by a slash, too, for readers that do not know their type.
  const [path, target] = [Buffer.from(entry.type === "directory" ? `${name}/` : name), Buffer.from(linkname)];
  return Buffer.concat([
    ...longName("K", target),
    ...longName("L", path),
    block({ ...entry, flag: typeFlags[entry.type], name: path, linkname: target }),
  ]);
}

interface Block extends Omit<TarEntry, "name" | "linkname" | "type"> {
  readonly name: Buffer;
  readonly linkname: Buffer;
  readonly flag: string;
}

/** Returns the entry that holds a name which does not fit the header, ended by NUL. */
function longName(flag: "K" | "L", name: Buffer): Buffer[] {
  if (name.byteLength <= nameBytes) return [];
  const size = name.byteLength + 1;
  const [self, linkname] = [Buffer.from("././@LongLink"), Buffer.alloc(0)];
  const header = block({ name: self, flag, mode: 0, uid: 0, gid: 0, size, mtime: 0, linkname });
  return [header, name, Buffer.alloc(1), paddingOf(size)];
}

function block({ name, linkname, flag, mode, uid, gid, size, mtime }: Block): Buffer {
  const header = Buffer.alloc(blockBytes);
  name.copy(header, 0, 0, nameBytes);
  writeNumber(header, "mode", mode, 100, 8);
  writeNumber(header, "uid", uid, 108, 8);
  writeNumber(header, "gid", gid, 116, 8);
  writeNumber(header, "size", size, 124, 12);
  writeNumber(header, "mtime", mtime, 136, 12);
  header.write(flag, 156, "latin1");
  linkname.copy(header, 157, 0, nameBytes);
  header.write("ustar  \0", 257, "latin1");
  // The checksum is computed as if its own field held spaces.
  header.fill(" ", 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return header;
}

/** Writes a number as octal digits and NUL, or in two's complement with the highest bit set if they do not hold it. */
function writeNumber(header: Buffer, field: string, value: number, offset: number, length: number): void {
  if (!Number.isSafeInteger(value))
    throw criError("invalid_request", `${field}: must be an integer, got ${value}`);
  const digits = value.toString(8);
  if (value >= 0 && digits.length < length) {
    header.write(digits.padStart(length - 1, "0"), offset, "latin1");
    return;
  }
  let rest = BigInt(value);
  for (let at = offset + length - 1; at >= offset; at--) {
    header[at] = Number(BigInt.asUintN(8, rest));
    rest >>= 8n;
  }
  header[offset] = (header[offset] ?? 0) | 0x80;
}
