import { Writable } from "node:stream";

/** Output that is kept, as far as the room that it may share with others allows. The rest is dropped, and makes the room negative. */
export class CollectedOutput extends Writable {
  readonly #room: { leftBytes: number };
  readonly #chunks: Buffer[] = [];

  constructor(room: { leftBytes: number }) {
    super();
    this.#room = room;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    if (chunk.byteLength <= this.#room.leftBytes) this.#chunks.push(chunk);
    this.#room.leftBytes -= chunk.byteLength;
    done();
  }
}
