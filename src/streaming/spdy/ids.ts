import { maxStreamId, resetStatus } from "./frames.js";
import { HeaderUnpacker, type SpdyHeaders } from "./headers.js";

/** The role of one side of a connection: the client opens streams with odd ids, the server accepts them. @inline */
export type SpdyRole = "client" | "server";

/** The ids of one side's pings: odd for a client, even for a server. */
export class PingIds {
  readonly #first: number;
  #next: number;

  constructor(role: SpdyRole) {
    this.#first = role === "client" ? 1 : 2;
    this.#next = this.#first;
  }

  next(): number {
    const id = this.#next;
    this.#next = id + 2 > maxStreamId ? this.#first : id + 2;
    return id;
  }

  /** Reports whether a received ping responds to one of this side, and so needs no response. */
  isOwn(id: number): boolean {
    return id % 2 === this.#first % 2;
  }
}

/** Validates the streams that a peer opens: a client's ids are odd and increase, a server opens none. */
export class StreamAcceptor {
  readonly #unpacker = new HeaderUnpacker();
  readonly #isServer: boolean;
  #lastStreamId = 0;

  constructor(role: SpdyRole) {
    this.#isServer = role === "server";
  }

  /** The id of the last valid stream. */
  get lastStreamId(): number {
    return this.#lastStreamId;
  }

  /** Returns the headers of a valid stream, or the status to reset it with. Throws `malformed_stream`. */
  accept(streamId: number, block: Buffer): SpdyHeaders | number {
    if (!this.#isServer || streamId % 2 === 0) return resetStatus.protocolError;
    const headers = this.#unpacker.unpack(block);
    if (streamId <= this.#lastStreamId) return resetStatus.protocolError;
    this.#lastStreamId = streamId;
    return headers;
  }

  /** Skips a later HEADERS frame. Kubernetes' peers send none, but the zlib stream continues through its block. */
  skipHeaders(block: Buffer): void {
    if (this.#isServer) this.#unpacker.unpack(block);
  }
}
