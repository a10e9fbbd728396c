import {
  type ClientHttp2Stream,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from "node:http2";
import { type CriError, deadlineError, type Lifeline } from "../core/index.js";
import type { Connection } from "./connection.js";
import { EnvelopeReader, malformed } from "./envelope.js";
import { notGrpc, readStatus, resetFailure } from "./status.js";

/** What one attempt of a call needs. */
export interface CallStart {
  readonly connection: Connection;
  readonly headers: OutgoingHttpHeaders;
  /** The whole request body; undefined when the caller writes to the stream and ends it. */
  readonly body: Buffer | undefined;
  /** Whether one message is all that may come. */
  readonly unary: boolean;
  readonly lifeline: Lifeline;
  readonly readLimitBytes: number;
}

/** Who hears of an answer. After `onEnd`, which comes exactly once, nothing more is said. */
export interface CallSink {
  onHeaders?(headers: IncomingHttpHeaders): void;
  onMessage(bytes: Uint8Array): void;
  onEnd(end: CallEnd): void;
}

/** How a call ended. */
export interface CallEnd {
  /** Undefined for gRPC status OK. */
  readonly error: CriError | undefined;
  readonly trailers: IncomingHttpHeaders | undefined;
  /** Whether it is certain that the peer never looked at the call, so that it may be sent again. */
  readonly untouched: boolean;
}

/** Where a stream keeps its call: listeners that all calls share find it here, which is cheaper than a set for each. */
const ownCall = Symbol("call");
type CallStream = ClientHttp2Stream & { [ownCall]?: Call | undefined };

/** One gRPC call on one HTTP/2 stream: the same for unary and streaming calls. */
export class Call {
  readonly stream: CallStream;
  readonly #connection: Connection;
  readonly #lifeline: Lifeline;
  readonly #unary: boolean;
  readonly #reader: EnvelopeReader;
  readonly #heardBefore: number;
  readonly #sink: CallSink;
  #over = false;
  #answered = false;
  #trailers: IncomingHttpHeaders | undefined;
  #streamError: unknown;

  /**
   * Sends the request headers, and the body where it is given, and reports the answer to `sink`. Throws what Node's
   * http2 throws when the session takes no stream; then nothing was sent.
   */
  constructor(start: CallStart, sink: CallSink) {
    const { connection, body, lifeline, unary } = start;
    const stream: CallStream = connection.session.request(start.headers);
    connection.hold();
    this.stream = stream;
    this.#connection = connection;
    this.#lifeline = lifeline;
    this.#unary = unary;
    this.#reader = new EnvelopeReader(start.readLimitBytes);
    this.#heardBefore = connection.heardBytes;
    this.#sink = sink;
    stream[ownCall] = this;
    stream.on("response", onResponse);
    stream.on("data", onData);
    stream.on("trailers", onTrailers);
    stream.on("error", onError);
    stream.on("close", onClose);
    lifeline.onStop(this);
    if (body) stream.end(body);
  }

  /** Ends the call with this error, resetting the stream. Does nothing after the end. */
  cancel(error: CriError): void {
    if (this.#over) return;
    this.stream.close(constants.NGHTTP2_CANCEL);
    this.#end(error);
  }

  onResponse(headers: IncomingHttpHeaders): void {
    this.#answered = true;
    const alien = notGrpc(headers);
    if (alien) {
      this.cancel(alien);
      return;
    }
    this.#reader.encoding = headers["grpc-encoding"] as string | undefined;
    this.#sink.onHeaders?.(headers);
    // An answer of headers only carries its status in them.
    if (headers["grpc-status"] !== undefined) this.onTrailers(headers);
  }

  onData(chunk: Uint8Array): void {
    try {
      this.#reader.push(chunk, this.#sink);
    } catch (error) {
      this.cancel(error as CriError);
    }
  }

  onTrailers(headers: IncomingHttpHeaders): void {
    this.#trailers = headers;
    const { stream } = this;
    // A unary answer is complete once its message and its status are; Node's own end comes a few ticks later.
    if (stream.readableEnded || (this.#unary && this.#reader.messages === 1)) this.#endWithStatus(headers);
    else stream.once("end", onEnd);
  }

  onEnd(): void {
    if (this.#trailers) this.#endWithStatus(this.#trailers);
  }

  onError(error: unknown): void {
    this.#streamError = error;
  }

  onClose(): void {
    const { stream } = this;
    const trailers = this.#trailers;
    const lost = this.#connection.failure(stream.id);
    // Trailers of a stream whose body was not read to its end: an OK would hide that messages are missing.
    if (trailers && (stream.readableEnded || readStatus(trailers)?.error)) this.#endWithStatus(trailers);
    // A server that keeps our deadline itself resets the stream then, or hangs up; it is still a deadline.
    else if (this.#lifeline.overdue) this.#end(deadlineError("the deadline passed"));
    else if (lost) this.#end(lost.error, lost.untouched);
    else {
      const reset = resetFailure(stream.rstCode);
      const cause = this.#streamError;
      this.#end(cause === undefined ? reset : reset.with({ cause }), refused(stream));
    }
  }

  #endWithStatus(headers: IncomingHttpHeaders): void {
    const status = readStatus(headers);
    if (status?.error) this.#end(status.error);
    else if (!status) this.#end(malformed("the answer ended without a gRPC status"));
    else if (!this.#reader.atBoundary) this.#end(malformed("the answer ended in the middle of a message"));
    else this.#end(undefined);
  }

  #end(error: CriError | undefined, untouched = false): void {
    if (this.#over) return;
    this.#over = true;
    this.#lifeline.onStop(undefined);
    if (error?.reason === "deadline" && !this.#answered) this.#connection.doubt(this.#heardBefore);
    this.#connection.release();
    // An answer may come before the request was sent in full; nobody waits for the rest of it.
    if (!this.stream.writableFinished) this.stream.close(constants.NGHTTP2_CANCEL);
    // Node's stream outlives many young collections, and would carry the answer along into the old generation.
    this.stream[ownCall] = undefined;
    this.#sink.onEnd({ error, trailers: this.#trailers, untouched: untouched && !this.#answered });
  }
}

function onResponse(this: CallStream, headers: IncomingHttpHeaders): void {
  this[ownCall]?.onResponse(headers);
}
function onData(this: CallStream, chunk: Uint8Array): void {
  this[ownCall]?.onData(chunk);
}
function onTrailers(this: CallStream, headers: IncomingHttpHeaders): void {
  this[ownCall]?.onTrailers(headers);
}
function onEnd(this: CallStream): void {
  this[ownCall]?.onEnd();
}
function onError(this: CallStream, error: unknown): void {
  this[ownCall]?.onError(error);
}
function onClose(this: CallStream): void {
  this[ownCall]?.onClose();
}

/** RFC 9113 promises that a refused stream was not processed in any way. */
function refused(stream: ClientHttp2Stream): boolean {
  return stream.rstCode === constants.NGHTTP2_REFUSED_STREAM;
}
