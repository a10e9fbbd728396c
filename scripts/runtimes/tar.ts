/** One entry of a tar archive. Paths are relative, without a leading or trailing slash. */
export type TarEntry =
  | { readonly kind: "file"; readonly path: string; readonly content: Uint8Array; readonly mode?: number }
  | { readonly kind: "folder"; readonly path: string; readonly mode?: number }
  | { readonly kind: "link"; readonly path: string; readonly target: string };

const blockBytes = 512;

/** Writes a ustar archive, owned by root and dated 1970, so that the same entries always produce the same bytes. */
export function writeTar(entries: readonly TarEntry[]): Buffer {
  const parts: Buffer[] = [];
  for (const entry of entries) {
    const content = entry.kind === "file" ? Buffer.from(entry.content) : Buffer.alloc(0);
    const rest = content.length % blockBytes;
    parts.push(header(entry, content.length), content, Buffer.alloc(rest === 0 ? 0 : blockBytes - rest));
  }
  parts.push(Buffer.alloc(2 * blockBytes));
  return Buffer.concat(parts);
}

function header(entry: TarEntry, sizeBytes: number): Buffer {
  const target = entry.kind === "link" ? entry.target : "";
  if (Buffer.byteLength(entry.path) > 99 || Buffer.byteLength(target) > 99) {
    throw new RangeError(`${entry.path}: tar path is longer than 99 bytes`);
  }
  const block = Buffer.alloc(blockBytes);
  const octal = (value: number, at: number, length: number): void => {
    block.write(`${value.toString(8).padStart(length - 1, "0")}\0`, at, "latin1");
  };
  block.write(entry.kind === "folder" ? `${entry.path}/` : entry.path, 0);
  octal(modeOf(entry), 100, 8);
  octal(0, 108, 8); // owner
  octal(0, 116, 8); // group
  octal(sizeBytes, 124, 12);
  octal(0, 136, 12); // time
  block.write(entry.kind === "file" ? "0" : entry.kind === "link" ? "2" : "5", 156);
  block.write(target, 157);
  block.write("ustar\x0000", 257, "latin1");
  // The checksum is computed with spaces in its own field.
  block.write("        ", 148);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

function modeOf(entry: TarEntry): number {
  if (entry.kind === "link") return 0o777;
  return entry.mode ?? (entry.kind === "folder" ? 0o755 : 0o644);
}
