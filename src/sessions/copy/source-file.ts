import { constants, type Stats } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { codeOf } from "../../core/index.js";
import { copyFailed } from "./errors.js";

const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
const chunkBytes = 262_144;
const pageBytes = 4_096;
/** The limit for the content of a file that reports a smaller size, since its size must be known before it is sent. */
const unsizedLimit = 64 * 1024 * 1024;

/** A file of this machine that is being copied. */
export interface OpenFile {
  readonly handle: FileHandle;
  readonly stats: Stats;
  /** The path for messages. */
  readonly shown: string;
}

/** The content of a file. */
export interface SourceContent {
  /** The number of bytes that `chunks` yields. */
  readonly size: number;
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Returns whether the file has changed since it was opened. */
  hasChanged(): Promise<boolean>;
}

/** Returns the permissions of a mode, with setuid, setgid and the sticky bit. */
export function modeOf(mode: number): number {
  return mode & 0o7777;
}

/**
 * Opens a file and checks the open file, not its name: another process may have replaced it. Does not wait for the writer of a pipe.
 * With `"no links"`, a link is an error.
 */
export async function openSource(path: string, shown: string, links?: "no links"): Promise<OpenFile> {
  const flags = O_RDONLY | O_NONBLOCK | (links ? O_NOFOLLOW : 0);
  const handle = await open(path, flags).catch((error) => {
    if (codeOf(error) === "ELOOP" && links)
      throw copyFailed(`${shown}: was replaced by a link while it was read`);
    throw error;
  });
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw copyFailed(`${shown}: is not a regular file`);
    return { handle, stats, shown };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/**
 * Reads a file. Files of the kernel report the size 0 or the size of a page, whatever they contain, so the size of a short file is
 * the number of bytes that could be read. A longer file is read to the size that it had at first; one that becomes shorter is an
 * error.
 */
export async function readSource(file: OpenFile): Promise<SourceContent> {
  const { stats, handle, shown } = file;
  const hasChanged = async () => {
    const now = await handle.stat();
    return now.size !== stats.size || now.mtimeMs !== stats.mtimeMs;
  };
  const start: Buffer[] = [];
  let size = 0;
  for (;;) {
    const limit = Math.min(chunkBytes, Math.max(pageBytes, size === 0 ? stats.size + 1 : size));
    const chunk = await readChunk(handle, limit);
    if (chunk.byteLength > 0) start.push(chunk);
    size += chunk.byteLength;
    // One byte more than the reported size was asked for, and did not come.
    const isWhole = size === stats.size && chunk.byteLength < limit;
    if (chunk.byteLength === 0 || isWhole) return { size, chunks: only(start), hasChanged };
    if (size >= chunkBytes && stats.size > size) break;
    if (size > unsizedLimit)
      throw copyFailed(`${shown}: reports ${stats.size} bytes, but contains more than ${unsizedLimit}`);
  }
  return { size: stats.size, chunks: sized(file, start, size), hasChanged };
}

async function* only(chunks: readonly Buffer[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

async function* sized(
  { handle, shown, stats }: OpenFile,
  start: readonly Buffer[],
  read: number,
): AsyncGenerator<Uint8Array> {
  yield* start;
  for (let rest = stats.size - read; rest > 0; ) {
    const chunk = await readChunk(handle, Math.min(chunkBytes, rest));
    if (chunk.byteLength === 0) throw copyFailed(`${shown}: became shorter while it was read`);
    rest -= chunk.byteLength;
    yield chunk;
  }
}

/** Reads at most `limit` bytes, into a buffer of its own: a consumer may keep it. Returns an empty buffer at the end of the file. */
async function readChunk(handle: FileHandle, limit: number): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(limit), 0, limit, null);
  return buffer.subarray(0, bytesRead);
}
