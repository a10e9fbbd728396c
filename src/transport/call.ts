import { type CancellationScope, type CriError, deadlineError } from "../core/index.js";
import {
  errorCode,
  type HeaderMap,
  type Stream,
  type StreamEnd,
  type StreamReceiver,
} from "../http2/index.js";
import type { Connection } from "./connection.js";
import { EnvelopeReader, type MessageReceiver, malformed } from "./envelope.js";
import type { CallHeaders } from "./headers.js";
import { notGrpc, readStatus, resetFailure } from "./status.js";

/** The input of one attempt of a call. */
export interface CallStart {
  readonly connection: Connection;
  readonly headers: CallHeaders;
  /** The complete request body; undefined if the caller writes to the stream and ends it. */
  readonly body: Uint8Array | undefined;
  readonly scope: CancellationScope;
  readonly readLimitBytes: number;
}

/** Response callbacks; `onEnd` is called exactly once, last. */
export interface ResponseCallbacks extends MessageReceiver {
  onHeaders?(headers: HeaderMap): void;
  /**
   * @param error undefined for gRPC status OK
   * @param unprocessed whether the server certainly did not process the call, so that it may be sent again
   */
  onEnd(error: CriError | undefined, trailers: HeaderMap | undefined, unprocessed: boolean): void;
}

/** An attempt of a call that failed. */
export class FailedAttempt {
  readonly error: CriError;
  /** Whether the server certainly did not process the call, so that it may be sent again. */
  readonly unprocessed: boolean;

  constructor(error: CriError, unprocessed: boolean) {
    this.error = error;
    this.unprocessed = unprocessed;
  }
}

/** One gRPC call on one HTTP/2 stream: the same for unary and streaming calls. */
export class Call implements StreamReceiver {
  readonly stream: Stream;
  readonly #connection: Connection;
  readonly #scope: CancellationScope;
  readonly #reader: EnvelopeReader;
  readonly #bytesReceivedBefore: number;
  readonly #callbacks: ResponseCallbacks;
  #isOver = false;
  #hasResponse = false;
  #trailers: HeaderMap | undefined;
  #onDrained: (() => void) | undefined;

  /**
   * Sends the request headers, and the body if there is one. Throws if the connection takes no new calls; nothing was sent then.
   */
  constructor(start: CallStart, callbacks: ResponseCallbacks) {
    const { connection, headers, body, scope } = start;
    this.#connection = connection;
    this.#scope = scope;
    this.#reader = new EnvelopeReader(start.readLimitBytes);
    this.#bytesReceivedBefore = connection.bytesReceived;
    this.#callbacks = callbacks;
    this.stream = connection.request(headers.repeated, headers.own, body, this);
    connection.hold();
    scope.onStop(this);
  }

  /** Ends the call with this error and resets the stream. Does nothing after the end. */
  cancel(error: CriError): void {
    this.#end(error);
  }

  /** Resolves when the stream accepts more data, or the call is over. */
  drained(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#isOver) resolve();
      else this.#onDrained = resolve;
    });
  }

  onHeaders(headers: HeaderMap): void {
    this.#hasResponse = true;
    const error = notGrpc(headers);
    if (error) {
      this.#end(error);
      return;
    }
    this.#reader.encoding = headers["grpc-encoding"];
    this.#callbacks.onHeaders?.(headers);
    // A trailers-only response has its status in the headers.
    if (headers["grpc-status"] !== undefined) this.#trailers = headers;
  }

  onData(chunk: Buffer, start: number, end: number): void {
    if (this.#isOver) return;
    try {
      this.#reader.push(chunk, start, end, this.#callbacks);
    } catch (error) {
      this.#end(error as CriError);
    }
  }

  onTrailers(trailers: HeaderMap): void {
    this.#trailers = trailers;
  }

  onEnd(): void {
    const status = this.#trailers && readStatus(this.#trailers);
    // What a runtime reports after the deadline, such as "context deadline exceeded", is a consequence of the deadline.
    if (status?.error && this.#scope.overdue)
      this.#end(deadlineError("the deadline passed").with({ cause: status.error }));
    else if (status?.error) this.#end(status.error);
    else if (!status) this.#end(malformed("the response ended without a gRPC status"));
    else if (!this.#reader.atBoundary) this.#end(malformed("the response ended in the middle of a message"));
    else this.#end(undefined);
  }

  onDrain(): void {
    this.#onDrained?.();
  }

  onClose({ cause, code, unprocessed, error }: StreamEnd): void {
    if (this.#isOver) return;
    // A server that enforces our deadline resets the stream or closes the connection: that is still a deadline.
    if (this.#scope.overdue) this.#end(deadlineError("the deadline passed"));
    else if (cause === "connection") this.#end(this.#connection.failure(unprocessed), unprocessed);
    else {
      const reset = resetFailure(code);
      this.#end(error === undefined ? reset : reset.with({ cause: error }), unprocessed);
    }
  }

  #end(error: CriError | undefined, unprocessed = false): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#scope.onStop(undefined);
    if (error?.reason === "deadline" && !this.#hasResponse)
      this.#connection.markSuspect(this.#bytesReceivedBefore);
    // A response may end before the request was sent in full; the rest of the request is useless.
    const { stream } = this;
    if (!stream.endedByPeer || !stream.endedHere) stream.reset(errorCode.cancel);
    this.#connection.release();
    this.#onDrained?.();
    this.#callbacks.onEnd(error, this.#trailers, unprocessed && !this.#hasResponse);
  }
}
