import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  type PathLike,
  readSync,
  type Stats,
  statSync,
} from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { codeOf } from "./realms.js";

/** Why {@link FileRefused} was thrown. */
export type FileRefusal = "not_regular" | "too_large";

/** A file that is not opened, because it is not a regular file, or not read, because it is too large. */
export class FileRefused extends Error {
  readonly refusal: FileRefusal;

  constructor(refusal: FileRefusal, message: string) {
    super(message);
    this.refusal = refusal;
  }
}

/** The default limit of {@link readRegularFile}: 4 MiB. */
export const maxConfigBytes = 4_194_304;

/** To open a FIFO would otherwise block a thread until another process opens its other end. Windows lacks the flag. */
const nonBlocking = constants.O_NONBLOCK ?? 0;
const blockBytes = 65_536;

/**
 * Opens a regular file, without ever waiting for another process. Refuses FIFOs, sockets, devices and folders with
 * {@link FileRefused}, and rejects with Node's errors. `flags` are those of `open(2)`, by default for reading.
 */
export async function openRegularFile(
  path: PathLike,
  flags: number = constants.O_RDONLY,
  mode?: number,
): Promise<FileHandle> {
  // Checked before, too: to open a device may have effects, and a socket cannot be opened.
  const before = await stat(path).catch((error: unknown) => orCreate(error, flags));
  if (before) checkRegular(before);
  const file = await open(path, flags | nonBlocking, mode);
  try {
    checkRegular(await file.stat());
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/**
 * Reads a regular file of at most `maxBytes` bytes; otherwise as {@link openRegularFile}. Rejects with the signal's reason when the
 * signal fires.
 */
export async function readRegularFile(
  path: PathLike,
  { maxBytes = maxConfigBytes, signal }: { maxBytes?: number; signal?: AbortSignal | undefined } = {},
): Promise<Buffer> {
  signal?.throwIfAborted();
  const file = await openRegularFile(path);
  try {
    const blocks: Buffer[] = [];
    for (let size = 0; ; ) {
      signal?.throwIfAborted();
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(blockBytes), 0, blockBytes, size);
      if (bytesRead === 0) return Buffer.concat(blocks);
      blocks.push(buffer.subarray(0, bytesRead));
      size += bytesRead;
      if (size > maxBytes) throw tooLarge(maxBytes);
    }
  } finally {
    await file.close();
  }
}

/** Reads as {@link readRegularFile} does, synchronously. */
export function readRegularFileSync(path: PathLike, maxBytes = maxConfigBytes): Buffer {
  checkRegular(statSync(path));
  const file = openSync(path, constants.O_RDONLY | nonBlocking);
  try {
    checkRegular(fstatSync(file));
    const blocks: Buffer[] = [];
    for (let size = 0; ; ) {
      const block = Buffer.allocUnsafe(blockBytes);
      const bytesRead = readSync(file, block, 0, blockBytes, size);
      if (bytesRead === 0) return Buffer.concat(blocks);
      blocks.push(block.subarray(0, bytesRead));
      size += bytesRead;
      if (size > maxBytes) throw tooLarge(maxBytes);
    }
  } finally {
    closeSync(file);
  }
}

function orCreate(error: unknown, flags: number): undefined {
  const isMissing = codeOf(error) === "ENOENT";
  if (!isMissing || (flags & constants.O_CREAT) === 0) throw error;
}

function checkRegular(stats: Stats): void {
  if (!stats.isFile())
    throw new FileRefused("not_regular", `must be a regular file, but it is a ${kindOf(stats)}`);
}

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return "folder";
  if (stats.isFIFO()) return "FIFO";
  if (stats.isSocket()) return "socket";
  return "device";
}

function tooLarge(maxBytes: number): FileRefused {
  return new FileRefused("too_large", `is larger than the limit of ${maxBytes} bytes`);
}
