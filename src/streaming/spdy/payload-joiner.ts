/** Receives the joined payload of consecutive DATA frames of a stream; `fin` is true when it ends the peer's half. */
type DeliverPayload = (streamId: number, payload: Buffer, fin: boolean) => void;

/**
 * Joins the payloads of consecutive DATA frames of one stream. The result is a copy, so the parts may be in memory that the next
 * read overwrites. A consumer's costs are per chunk, and a read has several frames.
 */
export class PayloadJoiner {
  readonly #deliver: DeliverPayload;
  #streamId = 0;
  #parts: Buffer[] = [];

  constructor(deliver: DeliverPayload) {
    this.#deliver = deliver;
  }

  /** Adds a part; delivers what was added before for another stream. */
  add(streamId: number, part: Buffer, fin: boolean): void {
    if (streamId !== this.#streamId) this.flush();
    this.#streamId = streamId;
    if (part.byteLength > 0) this.#parts.push(part);
    if (fin) this.#send(true);
  }

  /** Delivers what was added; call it after each read, and before each control frame. */
  flush(): void {
    if (this.#parts.length > 0) this.#send(false);
  }

  #send(fin: boolean): void {
    const parts = this.#parts;
    this.#parts = [];
    this.#deliver(this.#streamId, Buffer.concat(parts), fin);
  }
}
