import { Transform, type TransformCallback } from "node:stream";

/** A tar archive ends with two blocks of zeros. */
const endBytes = 1_024;

/** Passes an archive on, and sees whether it has its end: one that was cut between two entries is well-formed else. */
export class ArchiveEnd extends Transform {
  #zeros = 0;

  get seen(): boolean {
    return this.#zeros >= endBytes;
  }

  override _transform(chunk: Buffer, _encoding: string, done: TransformCallback): void {
    let at = chunk.byteLength;
    while (at > 0 && chunk.byteLength - at < endBytes && chunk[at - 1] === 0) at--;
    const zeros = chunk.byteLength - at;
    this.#zeros = zeros === chunk.byteLength ? this.#zeros + zeros : zeros;
    done(null, chunk);
  }
}
