import type { FileHandle } from "node:fs/promises";
import { openRegularFile } from "../../core/index.js";
import { headBytes, LogFileIdentity } from "./identity.js";

/** A part of a file, in memory. */
export interface Chunk {
  readonly bytes: Buffer;
  /** Where it begins in the file. */
  readonly offset: number;
  /**
   * How many bytes before `bytes` in memory may be overwritten: the beginning of a line that started in the previous chunk is
   * copied there.
   */
  readonly headroom: number;
}

/** An open log file. */
export interface LogFile {
  readonly path: string;
  readonly compressed: boolean;
  readonly identity: LogFileIdentity;
  /** Returns where the last `bytes` bytes begin; 0 for a compressed file, which can only be read from its beginning. */
  lastBytesAt(bytes: number): Promise<number>;
  /** Reads the file from an offset to its current end. A plain file is read into memory of `buffers`. */
  chunks(from: number, buffers: ReadBuffers): AsyncGenerator<Chunk, void, undefined>;
  /** Returns whether the file was truncated, so that it no longer contains the bytes before `offset`. */
  isTruncated(offset: number): Promise<boolean>;
  close(): Promise<void>;
}

/** Memory to read a part of a file into. */
export interface ReadBuffer {
  readonly bytes: Buffer;
  /** See {@link Chunk.headroom}. */
  readonly headroom: number;
}

/** Provides memory to read a file into. */
export interface ReadBuffers {
  /** Returns buffers for consecutive parts of a file: for `bytes` bytes in total, or for as many as are read at once. */
  take(bytes: number): readonly ReadBuffer[];
}

/** Fits the beginning of a line of up to 4 KiB. Longer lines that span two chunks are copied as a whole. */
const headroomBytes = 4_096;
/** The memory that a consumer retains by keeping one entry, in bytes. */
const retainedBytes = 65_536;
const maxRetainedBuffers = 16;

/** Fresh memory for each chunk, for consumers that retain data. */
export const freshBuffers: ReadBuffers = {
  take(bytes) {
    const buffers: ReadBuffer[] = [];
    for (let left = bytes; left > 0 && buffers.length < maxRetainedBuffers; ) {
      const headroom = left < headroomBytes ? 0 : headroomBytes;
      const length = Math.min(left, retainedBytes - headroom);
      // Not from Node's buffer pool: a retained entry would keep the whole pool in memory.
      buffers.push({ bytes: Buffer.allocUnsafeSlow(headroom + length).subarray(headroom), headroom });
      left -= length;
    }
    return buffers;
  },
};

/**
 * Two blocks of memory that are used alternately: one is read into while the other is parsed. Each read overwrites the one
 * before the last.
 */
export class DoubleBuffer implements ReadBuffers {
  readonly #blockBytes: number;
  readonly #chunkBytes: number;
  readonly #blocks: Buffer[] = [];
  #index = 0;

  /** A read fills up to `blockBytes`, and is returned in chunks of up to `chunkBytes`. */
  constructor(blockBytes = 1_048_576, chunkBytes = Number.POSITIVE_INFINITY) {
    this.#blockBytes = blockBytes;
    this.#chunkBytes = chunkBytes;
  }

  take(bytes: number): readonly ReadBuffer[] {
    const block = this.#next(headroomBytes + Math.min(bytes, this.#blockBytes - headroomBytes));
    const buffers: ReadBuffer[] = [];
    for (let headroom = headroomBytes; headroom < block.length; headroom += this.#chunkBytes)
      buffers.push({ bytes: block.subarray(headroom, headroom + this.#chunkBytes), headroom });
    return buffers;
  }

  #next(bytes: number): Buffer {
    this.#index = 1 - this.#index;
    let block = this.#blocks[this.#index];
    if (block === undefined || block.length < bytes) {
      // No longer than necessary, because most files are small.
      block = Buffer.allocUnsafeSlow(bytes);
      this.#blocks[this.#index] = block;
    }
    return block.subarray(0, bytes);
  }
}

/** A log file as the runtime writes it. */
export class PlainLogFile implements LogFile {
  readonly path: string;
  readonly compressed = false;
  readonly #handle: FileHandle;
  #identity: LogFileIdentity;

  private constructor(path: string, handle: FileHandle, identity: LogFileIdentity) {
    this.path = path;
    this.#handle = handle;
    this.#identity = identity;
  }

  static async open(path: string): Promise<PlainLogFile> {
    const handle = await openRegularFile(path);
    try {
      return new PlainLogFile(path, handle, await identify(handle));
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  get identity(): LogFileIdentity {
    return this.#identity;
  }

  async lastBytesAt(bytes: number): Promise<number> {
    return Math.max(0, (await this.#size()) - bytes);
  }

  async *chunks(from: number, buffers: ReadBuffers): AsyncGenerator<Chunk, void, undefined> {
    let ahead: Promise<readonly Chunk[]> | undefined;
    let offset = from;
    let size = 0;
    const readAhead = (): typeof ahead => {
      if (size <= offset) return undefined;
      const chunks = this.#read(buffers.take(size - offset), offset);
      // Awaited later: avoids an unhandled rejection until then.
      chunks.catch(() => undefined);
      return chunks;
    };
    try {
      for (;;) {
        if (ahead === undefined) {
          size = await this.#size();
          ahead = readAhead();
          if (ahead === undefined) return;
        }
        const chunks = await ahead;
        const last = chunks.at(-1);
        if (last === undefined) return;
        offset = last.offset + last.bytes.length;
        // The next chunks are read while these are parsed.
        ahead = readAhead();
        for (const chunk of chunks) {
          this.#identity.extend(chunk.bytes, chunk.offset);
          yield chunk;
        }
      }
    } finally {
      await ahead?.catch(() => undefined);
    }
  }

  async isTruncated(offset: number): Promise<boolean> {
    if (offset === 0) return false;
    const now = await readHead(this.#handle);
    if ((await this.#size()) >= offset && this.#identity.isPrefixOf(now)) return false;
    this.#identity = await identify(this.#handle);
    return true;
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  /** Fills one buffer after the other. Returns the filled parts. */
  async #read(buffers: readonly ReadBuffer[], offset: number): Promise<readonly Chunk[]> {
    const { bytesRead } = await this.#handle.readv(
      buffers.map(({ bytes }) => bytes),
      offset,
    );
    const chunks: Chunk[] = [];
    let done = 0;
    for (const { bytes, headroom } of buffers) {
      if (done >= bytesRead) break;
      chunks.push({ bytes: bytes.subarray(0, bytesRead - done), offset: offset + done, headroom });
      done += bytes.length;
    }
    return chunks;
  }

  async #size(): Promise<number> {
    return (await this.#handle.stat()).size;
  }
}

async function identify(handle: FileHandle): Promise<LogFileIdentity> {
  const { dev, ino } = await handle.stat({ bigint: true });
  return new LogFileIdentity(dev, ino, await readHead(handle));
}

async function readHead(handle: FileHandle): Promise<Buffer> {
  const head = Buffer.alloc(headBytes);
  const { bytesRead } = await handle.read(head, 0, headBytes, 0);
  return head.subarray(0, bytesRead);
}
