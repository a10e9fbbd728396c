import { type FileHandle, open } from "node:fs/promises";
import { headBytes, LogFileIdentity } from "./identity.js";
import type { Chunk, LogFile } from "./log-file.js";

/** Before a block that is large, there is room for the beginning of a line that ends in it; 16 KiB is a runtime's longest. */
const roomBytes = 20_480;
/** How much is read at once: of what is kept, less, since an entry keeps its block, and with its room that has 256 KiB. */
const keptBlockBytes = 262_144 - roomBytes;
const reusedBlockBytes = 1_048_576;

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

  async *chunks(from: number, reuse: boolean): AsyncGenerator<Chunk, void, undefined> {
    const blockBytes = reuse ? reusedBlockBytes : keptBlockBytes;
    const blocks: Buffer[] = [];
    let ahead: Promise<Omit<Chunk, "offset">> | undefined;
    let offset = from;
    let size = 0;
    let turn = 0;
    const read = (at: number): typeof ahead => {
      const length = Math.min(blockBytes, size - at);
      if (length <= 0) return undefined;
      turn = 1 - turn;
      // Two, in turns; no larger than the file needs.
      if (reuse && (blocks[turn]?.length ?? 0) < length) blocks[turn] = Buffer.allocUnsafeSlow(length);
      const room = reuse || length < roomBytes ? 0 : roomBytes;
      // Not from Node's pool, which an entry that is kept would keep, too.
      const block = (reuse && blocks[turn]) || Buffer.allocUnsafeSlow(room + length);
      const result = this.#handle.read(block, room, length, at);
      const chunk = result.then(({ bytesRead }) => ({ bytes: block.subarray(room, room + bytesRead), room }));
      // It is awaited later; until then a failure is nobody's.
      chunk.catch(() => undefined);
      return chunk;
    };
    try {
      for (;;) {
        if (ahead === undefined) {
          size = await this.#size();
          ahead = read(offset);
          if (ahead === undefined) return;
        }
        const { bytes, room } = await ahead;
        if (bytes.length === 0) return;
        const at = offset;
        offset += bytes.length;
        // While these are looked at, the next are read.
        ahead = read(offset);
        this.#identity.note(bytes, at);
        yield { bytes, offset: at, room };
      }
    } finally {
      await ahead?.catch(() => undefined);
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
