import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { CriError } from "../../core/index.js";
import { isAbsent } from "./errors.js";
import { headBytes, LogFileIdentity } from "./identity.js";
import type { Chunk, LogFile } from "./log-file.js";

/** A rotated log file that was compressed. Offsets are those of what was compressed. */
export class GzipLogFile implements LogFile {
  readonly path: string;
  readonly compressed = true;
  readonly identity: LogFileIdentity;

  private constructor(path: string, identity: LogFileIdentity) {
    this.path = path;
    this.identity = identity;
  }

  static async open(path: string): Promise<GzipLogFile> {
    const { dev, ino } = await stat(path, { bigint: true });
    let head = Buffer.alloc(0);
    for await (const bytes of unzipped(path)) {
      head = Buffer.concat([head, bytes]).subarray(0, headBytes);
      if (head.length === headBytes) break;
    }
    return new GzipLogFile(path, new LogFileIdentity(dev, ino, head));
  }

  lastBytesAt(): Promise<number> {
    return Promise.resolve(0);
  }

  async *chunks(from: number): AsyncGenerator<Chunk, void, undefined> {
    let offset = 0;
    for await (const bytes of unzipped(this.path)) {
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
    return Promise.resolve();
  }
}

async function* unzipped(path: string): AsyncGenerator<Buffer, void, undefined> {
  const leave = new AbortController();
  const gunzip = createGunzip({ chunkSize: 65_536 });
  const done = pipeline(createReadStream(path), gunzip, { signal: leave.signal });
  done.catch(() => undefined);
  try {
    for await (const bytes of gunzip) yield bytes as Buffer;
    await done;
  } catch (error) {
    if (isAbsent(error)) throw error;
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
