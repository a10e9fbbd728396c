import { errorCode } from "./errors.js";
import type { HeaderMap } from "./headers.js";
import type { HeaderFields, RepeatedHeaders } from "./hpack/encoder.js";
import { SendQueue } from "./send-queue.js";

/** How a stream ended. */
export interface StreamEnd {
  /**
   * - `complete`: both sides have ended it
   * - `reset-here`: by {@link Stream.reset}
   * - `reset-by-peer`: by RST_STREAM
   * - `violation`: the peer violated HTTP/2 on this stream, or exceeded a limit
   * - `connection`: the connection ended
   */
  readonly cause: "complete" | "reset-here" | "reset-by-peer" | "violation" | "connection";
  /** The HTTP/2 error code. */
  readonly code: number;
  /** Whether the peer certainly did not process the stream (RFC 9113, section 8.7). */
  readonly unprocessed: boolean;
  /** What was wrong, for `violation` and `connection`. */
  readonly error: Error | undefined;
}

/** The receiver of what arrives on a stream. */
export interface StreamReceiver {
  /** Called once, first: with the headers of the request or the response. Informational responses are skipped. */
  onHeaders(headers: HeaderMap): void;
  /** Called with the content, in parts of any size: the bytes of `chunk` from `start` to `end`, which stay valid until it returns. */
  onData(chunk: Buffer, start: number, end: number): void;
  onTrailers(trailers: HeaderMap): void;
  /** Called when the peer has ended its side. Nothing else arrives after it, except a reset. */
  onEnd(): void;
  /** Called when {@link Stream.write} returned false and there is space again. */
  onDrain?(): void;
  /** Called exactly once, last. */
  onClose(end: StreamEnd): void;
}

/** What a stream does by its connection. */
export interface StreamConnection {
  readonly sender: {
    write(stream: Stream, bytes: Uint8Array): void;
    finish(stream: Stream): void;
    response(stream: Stream, headers: RepeatedHeaders, body: Uint8Array, trailers: RepeatedHeaders): void;
  };
  respond(
    stream: Stream,
    repeated: RepeatedHeaders,
    more: HeaderFields | undefined,
    endStream: boolean,
  ): void;
  /** Notes that END_STREAM was sent. */
  endHere(stream: Stream): void;
  reset(stream: Stream, code: number, cause: "reset-here" | "violation", error?: Error): void;
  /** Gives what a stream has received back to the peer's windows. */
  credit(stream: Stream): void;
}

/** Headers at the end of what was written. */
interface Trailers {
  readonly repeated: RepeatedHeaders;
  readonly more: HeaderFields | undefined;
}

/** The queued bytes of a stream above which `write()` returns false. */
const highWaterBytes = 2 ** 16;

/** One request and its response. */
export class Stream {
  readonly connection: StreamConnection;
  receiver: StreamReceiver;
  /** 0 while the request waits for a free stream of the connection. */
  id = 0;
  /** The bytes that may be sent, which a change of SETTINGS can make negative. */
  sendWindow = 0;
  /** The bytes that the peer may send. */
  receiveWindow = 0;
  /** What has arrived, and was not given back to the peer's window. */
  uncreditedBytes = 0;
  isPaused = false;
  /** Whether END_STREAM was sent, or received. */
  endedHere = false;
  endedByPeer = false;
  /** How the stream ended; undefined while it is open. */
  closedWith: StreamEnd | undefined;
  /** Whether the headers of a response were sent. */
  headersSent = false;
  hasHeaders = false;
  /** The rest of the announced `content-length`; undefined without one. */
  contentLeft: number | undefined;
  /** What waits for flow control. */
  readonly queue = new SendQueue();
  /** Whether END_STREAM follows the queue, and in which form. */
  final: Trailers | "data" | undefined;
  needsDrain = false;

  constructor(connection: StreamConnection, receiver: StreamReceiver) {
    this.connection = connection;
    this.receiver = receiver;
  }

  get isClosed(): boolean {
    return this.closedWith !== undefined;
  }

  /** Sends the headers of a response. */
  respond(repeated: RepeatedHeaders, more?: HeaderFields, options?: { readonly endStream?: boolean }): void {
    if (!this.isClosed) this.connection.respond(this, repeated, more, options?.endStream === true);
  }

  /** Sends a complete response: in one buffer, if flow control allows it. The bytes must not be changed afterwards. */
  respondWhole(headers: RepeatedHeaders, body: Uint8Array, trailers: RepeatedHeaders): void {
    if (this.isClosed) return;
    this.headersSent = true;
    this.connection.sender.response(this, headers, body, trailers);
  }

  /**
   * Sends bytes, as far as flow control allows it; the rest is queued. Returns whether more should be written; if not, wait for
   * `onDrain`. The bytes must not be changed afterwards. Does nothing after the end.
   */
  write(bytes: Uint8Array): boolean {
    if (this.isClosed || this.final !== undefined) return true;
    this.connection.sender.write(this, bytes);
    if (this.isClosed || this.queue.bytes < highWaterBytes) return true;
    this.needsDrain = true;
    return false;
  }

  /** Ends this side, after what was written; with trailers, if given. */
  end(trailers?: RepeatedHeaders, more?: HeaderFields): void {
    if (this.isClosed || this.final !== undefined) return;
    this.final = trailers ? { repeated: trailers, more } : "data";
    this.connection.sender.finish(this);
  }

  /** Ends the stream with RST_STREAM. A request that was not sent yet is dropped. Does nothing after the end. */
  reset(code: number): void {
    if (!this.isClosed) this.connection.reset(this, code, "reset-here");
  }

  /** Gives no further bytes back to the peer's window. What the window allows still arrives. */
  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    this.connection.credit(this);
  }

  /** Reports that the queue has become shorter. */
  drained(): void {
    if (!this.needsDrain || this.isClosed || this.queue.bytes >= highWaterBytes / 2) return;
    this.needsDrain = false;
    this.receiver.onDrain?.();
  }
}

/** The end of a stream that both sides have ended. */
export const completeEnd: StreamEnd = Object.freeze({
  cause: "complete",
  code: errorCode.noError,
  unprocessed: false,
  error: undefined,
});

/** The end of the streams that a connection takes with it. */
export function connectionEnd(code: number, error: Error | undefined, unprocessed: boolean): StreamEnd {
  return { cause: "connection", code, unprocessed, error };
}
