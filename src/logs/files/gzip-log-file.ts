import type { FileHandle } from "node:fs/promises";
import { createGunzip } from "node:zlib";
import { ChangeSignal, messageOf, openRegularFile } from "../../core/index.js";
import { DamagedFile, isErrno } from "./errors.js";
import { headBytes, LogFileIdentity } from "./identity.js";
import type { Chunk, LogFile } from "./log-file.js";

/**
 * A rotated log file that was compressed. Its offsets are those of the uncompressed content. The file is held open, so that it
 * stays the same when it is renamed or deleted, and no other file gets its inode.
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
    const handle = await openRegularFile(path);
    try {
      const { dev, ino } = await handle.stat({ bigint: true });
      return new GzipLogFile(path, handle, new LogFileIdentity(dev, ino, await headOf(handle)));
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  lastBytesAt(): Promise<number> {
    return Promise.resolve(0);
  }

  /** Rejects with {@link DamagedFile} after everything that could be decompressed. */
  async *chunks(from: number): AsyncGenerator<Chunk, void, undefined> {
    let offset = 0;
    for await (const bytes of decompressed(this.#handle)) {
      const skip = Math.max(0, from - offset);
      if (skip < bytes.length) yield { bytes: bytes.subarray(skip), offset: offset + skip, headroom: 0 };
      offset += bytes.length;
    }
  }

  /** Compressed files are complete: no process writes to them. */
  isTruncated(): Promise<boolean> {
    return Promise.resolve(false);
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

async function headOf(handle: FileHandle): Promise<Buffer> {
  let head = Buffer.alloc(0);
  try {
    for await (const bytes of decompressed(handle)) {
      head = Buffer.concat([head, bytes]).subarray(0, headBytes);
      if (head.length === headBytes) break;
    }
  } catch (error) {
    // Reported when the file is read.
    if (!(error instanceof DamagedFile)) throw error;
  }
  return head;
}

/** A part of a compressed file that zlib could not decompress. */
interface BadPart {
  readonly begin: number;
  readonly end: number;
}

const readBytes = 65_536;
/**
 * The sizes of the pieces that zlib receives. It drops the output of the piece in which it finds damage, so that piece is cut smaller
 * until no output is lost.
 */
const pieceSizes = [readBytes, 256, 1];

/** Decompresses a file. Throws {@link DamagedFile} at damage, after everything that precedes it. */
async function* decompressed(handle: FileHandle): AsyncGenerator<Buffer, void, undefined> {
  let returned = 0;
  let bad: BadPart | undefined;
  let failure: unknown;
  for (const pieceBytes of pieceSizes) {
    const gunzip = new Decompression(handle);
    let position = 0;
    try {
      for await (const bytes of gunzip.run(pieceBytes, bad)) {
        const skip = Math.max(0, returned - position);
        position += bytes.length;
        if (skip >= bytes.length) continue;
        returned = position;
        yield bytes.subarray(skip);
      }
      return;
    } catch (error) {
      if (!isDamage(error)) throw error;
      failure = error;
      bad = gunzip.piece;
      // At its end nothing was dropped.
      if (error instanceof DamagedFile || bad === undefined) break;
    }
  }
  throw failure instanceof DamagedFile ? failure : new DamagedFile(messageOf(failure));
}

/** One pass over a compressed file. */
class Decompression {
  /** The piece that zlib is decompressing; `undefined` at the end of the file. */
  piece: BadPart | undefined;
  readonly #handle: FileHandle;
  readonly #gunzip = createGunzip({ chunkSize: 65_536 });
  readonly #change = new ChangeSignal();
  #failure: Error | undefined;
  #hasEnded = false;

  constructor(handle: FileHandle) {
    this.#handle = handle;
    this.#gunzip.on("readable", this.#change.notify);
    this.#gunzip.on("end", () => {
      this.#hasEnded = true;
      this.#change.notify();
    });
    this.#gunzip.on("error", (error) => {
      this.#failure = error;
      this.#change.notify();
    });
  }

  /** Passes the part `careful` to zlib in pieces of `pieceBytes`, and the rest in the largest ones. */
  async *run(pieceBytes: number, careful: BadPart | undefined): AsyncGenerator<Buffer, void, undefined> {
    const gunzip = this.#gunzip;
    let size = 0;
    try {
      for (;;) {
        const { bytesRead, buffer } = await this.#handle.read(
          Buffer.allocUnsafe(readBytes),
          0,
          readBytes,
          size,
        );
        if (bytesRead === 0) break;
        for (const [begin, end] of pieces(size, size + bytesRead, pieceBytes, careful)) {
          this.piece = { begin, end };
          let isWritten = false;
          gunzip.write(buffer.subarray(begin - size, end - size), () => {
            isWritten = true;
            this.#change.notify();
          });
          yield* this.#outputUntil(() => isWritten || this.#hasEnded);
          // zlib reads nothing after the end of the data, unless it is the beginning of more.
          if (gunzip.bytesWritten < end) throw new DamagedFile("other bytes follow the compressed data");
        }
        size += bytesRead;
      }
      this.piece = undefined;
      if (size === 0) throw new DamagedFile("the file is empty");
      gunzip.end();
      yield* this.#outputUntil(() => this.#hasEnded);
    } finally {
      gunzip.destroy();
    }
  }

  async *#outputUntil(isDone: () => boolean): AsyncGenerator<Buffer, void, undefined> {
    for (;;) {
      const isLast = isDone();
      for (let bytes = this.#gunzip.read(); bytes !== null; bytes = this.#gunzip.read())
        yield bytes as Buffer;
      if (this.#failure) throw this.#failure;
      if (isLast) return;
      if (!isDone()) await this.#change.wait();
    }
  }
}

/** Cuts the part of a file from `from` to `to` into pieces. */
function* pieces(
  from: number,
  to: number,
  pieceBytes: number,
  careful: BadPart | undefined,
): Generator<readonly [begin: number, end: number]> {
  for (let begin = from; begin < to; ) {
    let end = to;
    if (careful && begin < careful.begin) end = Math.min(to, careful.begin);
    else if (careful && begin < careful.end) end = Math.min(to, begin + pieceBytes);
    yield [begin, end];
    begin = end;
  }
}

function isDamage(error: unknown): boolean {
  return error instanceof DamagedFile || isErrno(error, "Z_DATA_ERROR", "Z_BUF_ERROR", "Z_NEED_DICT");
}
