import { Transform, type TransformCallback } from "node:stream";

const blockBytes = 512;
/** A tar archive ends with two blocks of zeros. */
const endBytes = 2 * blockBytes;

/** Passes an archive on, and knows whether it has its end: one that was cut between two entries is well-formed else. */
export class ArchiveEnd extends Transform {
  #bytes = 0;
  #entriesEnd = 0;

  /** Whether the two blocks have come after the last entry. */
  get seen(): boolean {
    return this.#bytes - this.#entriesEnd >= endBytes;
  }

  /** An entry's header, of one block, is at this place of the archive, and so many bytes of contents after it. */
  noteEntry(offset: number, size: number): void {
    this.#entriesEnd = offset + blockBytes + Math.ceil(size / blockBytes) * blockBytes;
  }

  override _transform(chunk: Buffer, _encoding: string, done: TransformCallback): void {
    this.#bytes += chunk.byteLength;
    done(null, chunk);
  }
}
