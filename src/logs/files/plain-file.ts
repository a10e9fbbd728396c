import { type FileHandle, open } from "node:fs/promises";
import type { Blocks, Part } from "./blocks.js";
import { headBytes, LogFileIdentity } from "./identity.js";
import type { Chunk, LogFile } from "./log-file.js";

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
    const handle = await open(path, "r");
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

  async *chunks(from: number, blocks: Blocks): AsyncGenerator<Chunk, void, undefined> {
    let ahead: Promise<readonly Chunk[]> | undefined;
    let offset = from;
    let size = 0;
    const read = (): typeof ahead => {
      if (size <= offset) return undefined;
      const chunks = this.#read(blocks.take(size - offset), offset);
      // It is awaited later; until then a failure is nobody's.
      chunks.catch(() => undefined);
      return chunks;
    };
    try {
      for (;;) {
        if (ahead === undefined) {
          size = await this.#size();
          ahead = read();
          if (ahead === undefined) return;
        }
        const chunks = await ahead;
        const last = chunks.at(-1);
        if (last === undefined) return;
        offset = last.offset + last.bytes.length;
        // While these are looked at, the next are read.
        ahead = read();
        for (const chunk of chunks) {
          this.#identity.note(chunk.bytes, chunk.offset);
          yield chunk;
        }
      }
    } finally {
      await ahead?.catch(() => undefined);
      blocks.release();
    }
  }

  async isRestarted(offset: number): Promise<boolean> {
    if (offset === 0) return false;
    const now = await readHead(this.#handle);
    if ((await this.#size()) >= offset && this.#identity.beginsLike(now)) return false;
    this.#identity = await identify(this.#handle);
    return true;
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  /** Reads into one part after the other; gives those that were filled, the last as far as it was. */
  async #read(parts: readonly Part[], offset: number): Promise<readonly Chunk[]> {
    const { bytesRead } = await this.#handle.readv(
      parts.map(({ bytes }) => bytes),
      offset,
    );
    const chunks: Chunk[] = [];
    let done = 0;
    for (const { bytes, room } of parts) {
      if (done >= bytesRead) break;
      chunks.push({ bytes: bytes.subarray(0, bytesRead - done), offset: offset + done, room });
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
