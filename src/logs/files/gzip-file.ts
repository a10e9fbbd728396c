import { type FileHandle, open } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { CriError } from "../../core/index.js";
import { headBytes, LogFileIdentity } from "./identity.js";
import type { Chunk, LogFile } from "./log-file.js";

/**
 * A rotated log file that was compressed. Offsets are those of what was compressed. It is held open, so that it stays what it is
 * when it is renamed or deleted, and nobody else gets its inode.
 */
export class GzipLogFile implements LogFile {
  readonly path: string;
  readonly compressed = true;
  readonly identity: LogFileIdentity;

  readonly #handle: FileHandle;

  private constructor(path: string, handle: FileHandle, identity: LogFileIdentity) {
    this.path = path;
    this.#handle = handle;
    this.identity = identity;
  }

  static async open(path: string): Promise<GzipLogFile> {
    const handle = await open(path, "r");
    try {
      const { dev, ino } = await handle.stat({ bigint: true });
      let head = Buffer.alloc(0);
      for await (const bytes of unzipped(path, handle)) {
        head = Buffer.concat([head, bytes]).subarray(0, headBytes);
        if (head.length === headBytes) break;
      }
      return new GzipLogFile(path, handle, new LogFileIdentity(dev, ino, head));
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  lastBytesAt(): Promise<number> {
    return Promise.resolve(0);
  }

  async *chunks(from: number): AsyncGenerator<Chunk, void, undefined> {
    let offset = 0;
    for await (const bytes of unzipped(this.path, this.#handle)) {
      const skip = Math.max(0, from - offset);
      if (skip < bytes.length) yield { bytes: bytes.subarray(skip), offset: offset + skip, room: 0 };
      offset += bytes.length;
    }
  }

  /** What is compressed is not written any more. */
  isRestarted(): Promise<boolean> {
    return Promise.resolve(false);
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

async function* unzipped(path: string, handle: FileHandle): AsyncGenerator<Buffer, void, undefined> {
  const leave = new AbortController();
  const gunzip = createGunzip({ chunkSize: 65_536 });
  const done = pipeline(bytesOf(handle), gunzip, { signal: leave.signal });
  done.catch(() => undefined);
  try {
    for await (const bytes of gunzip) yield bytes as Buffer;
    await done;
  } catch (error) {
    throw new CriError({
      code: "data_loss",
      reason: "invalid_file",
      text: `${path} cannot be decompressed: ${error instanceof Error ? error.message : String(error)}`,
      problems: [{ path, message: "is no whole gzip file" }],
      cause: error,
    });
  } finally {
    leave.abort();
    await done.catch(() => undefined);
  }
}

async function* bytesOf(handle: FileHandle): AsyncGenerator<Buffer, void, undefined> {
  for (let at = 0; ; ) {
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(65_536), 0, 65_536, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}
