import { Transform, type TransformCallback } from "node:stream";

const newline = 10;
const endOfInput = Buffer.from([4]);

/**
 * What is typed at a terminal. At its end `script` types ^D, which ends the input only at the beginning of a line; in
 * the middle of one it hands over what there is, so that another is needed first.
 */
export class TerminalInput extends Transform {
  #lineBegun = false;

  override _transform(chunk: Buffer, _encoding: string, done: TransformCallback): void {
    if (chunk.byteLength > 0) this.#lineBegun = chunk[chunk.byteLength - 1] !== newline;
    done(null, chunk);
  }

  override _flush(done: TransformCallback): void {
    done(null, this.#lineBegun ? endOfInput : undefined);
  }
}
