import { resetStatus } from "./frames.js";
import { HeaderUnpacker, type SpdyHeaders } from "./headers.js";

/** Decides about the streams that a peer opens: a client's have odd ids that grow, a server opens none. */
export class StreamAcceptor {
  readonly #unpacker = new HeaderUnpacker();
  readonly #takesStreams: boolean;
  #lastStreamId = 0;

  constructor(takesStreams: boolean) {
    this.#takesStreams = takesStreams;
  }

  /** The last stream that was looked at. */
  get lastStreamId(): number {
    return this.#lastStreamId;
  }

  /** The headers of a stream that may be opened, or the status that it is refused with. Throws `malformed_stream`. */
  look(streamId: number, block: Buffer): SpdyHeaders | number {
    if (!this.#takesStreams || streamId % 2 === 0) return resetStatus.protocolError;
    const headers = this.#unpacker.unpack(block);
    if (streamId <= this.#lastStreamId) return resetStatus.protocolError;
    this.#lastStreamId = streamId;
    return headers;
  }

  /** Headers that come later. Nothing of Kubernetes sends any; but the zlib stream of a client goes on with them. */
  pass(block: Buffer): void {
    if (this.#takesStreams) this.#unpacker.unpack(block);
  }
}
