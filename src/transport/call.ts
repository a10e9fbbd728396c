import {
  type ClientHttp2Stream,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from "node:http2";
import { type CriError, deadlineError } from "../core/index.js";
import type { Connection } from "./connection.js";
import { EnvelopeReader, malformed } from "./envelope.js";
import type { Lifeline } from "./lifeline.js";
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

/** One gRPC call on one HTTP/2 stream: the same for unary and streaming calls. */
export interface Call {
  readonly stream: ClientHttp2Stream;
  /** Ends the call with this error, resetting the stream. Does nothing after the end. */
  cancel(error: CriError): void;
}

/**
 * Sends the request headers, and the body where it is given, and reports the answer to `sink`. Throws what Node's
 * http2 throws when the session takes no stream; then nothing was sent.
 */
export function startCall(start: CallStart, sink: CallSink): Call {
  const { connection, body, lifeline } = start;
  const stream = connection.session.request(start.headers);
  connection.hold();
  const heardBefore = connection.heardBytes;
  let over = false;
  let answered = false;
  let encoding: string | undefined;
  let trailers: IncomingHttpHeaders | undefined;
  let streamError: unknown;
  const reader = new EnvelopeReader(start.readLimitBytes, () => encoding);
  const deliver = (message: Uint8Array) => sink.onMessage(message);

  const end = (error: CriError | undefined, untouched = false) => {
    if (over) return;
    over = true;
    lifeline.onStop(undefined);
    if (error?.reason === "deadline" && !answered) connection.doubt(heardBefore);
    connection.release();
    // An answer may come before the request was sent in full; nobody waits for the rest of it.
    if (!stream.writableFinished) stream.close(constants.NGHTTP2_CANCEL);
    sink.onEnd({ error, trailers, untouched: untouched && !answered });
  };
  const cancel = (error: CriError) => {
    if (over) return;
    stream.close(constants.NGHTTP2_CANCEL);
    end(error);
  };
  const endWithStatus = (headers: IncomingHttpHeaders): void => {
    const status = readStatus(headers);
    if (status?.error) end(status.error);
    else if (!status) end(malformed("the answer ended without a gRPC status"));
    else if (!reader.atBoundary) end(malformed("the answer ended in the middle of a message"));
    else end(undefined);
  };

  stream.on("response", (headers) => {
    answered = true;
    const alien = notGrpc(headers);
    if (alien) return cancel(alien);
    encoding = headers["grpc-encoding"] as string | undefined;
    // An answer of headers only carries its status in them.
    if (headers["grpc-status"] !== undefined) trailers = headers;
    sink.onHeaders?.(headers);
  });
  stream.on("data", (chunk: Buffer) => {
    try {
      if (!over) reader.push(chunk, deliver);
    } catch (error) {
      cancel(error as CriError);
    }
  });
  stream.on("trailers", (headers) => {
    trailers = headers;
    // A unary answer is complete once its message and its status are; Node's own end comes a few ticks later.
    if (start.unary && reader.messages === 1) endWithStatus(headers);
  });
  stream.on("end", () => {
    if (trailers) endWithStatus(trailers);
  });
  stream.on("error", (error) => {
    streamError = error;
  });
  stream.on("close", () => {
    if (over) return;
    const lost = connection.failure(stream.id);
    // Trailers of a stream whose body was not read to its end: an OK would hide that messages are missing.
    if (trailers && (stream.readableEnded || readStatus(trailers)?.error)) endWithStatus(trailers);
    // A server that keeps our deadline itself resets the stream then, or hangs up; it is still a deadline.
    else if (lifeline.overdue) end(deadlineError("the deadline passed"));
    else if (lost) end(lost.error, lost.untouched);
    else {
      const reset = resetFailure(stream.rstCode);
      end(streamError === undefined ? reset : reset.with({ cause: streamError }), refused(stream));
    }
  });
  lifeline.onStop(cancel);
  if (body) stream.end(body);
  return { stream, cancel };
}

/** RFC 9113 promises that a refused stream was not processed in any way. */
function refused(stream: ClientHttp2Stream): boolean {
  return stream.rstCode === constants.NGHTTP2_REFUSED_STREAM;
}
