import { errorCode, Http2Error } from "./errors.js";
import type { FloodGuard } from "./flood-guard.js";
import { frameFlag, windowUpdateFrame } from "./frames.js";
import type { HeaderBlock } from "./header-blocks.js";
import { type HeaderKind, type HeaderMap, HeaderReader } from "./headers.js";
import type { ConnectionLimits } from "./limits.js";
import type { Output } from "./output.js";
import { ReceiveWindow } from "./receive-window.js";
import type { ResetStreams } from "./reset-streams.js";
import type { Role } from "./role.js";
import { completeEnd, type Stream, type StreamEnd } from "./stream.js";
import type { StreamTable } from "./stream-table.js";

/** The size of the compression table that every peer starts with. */
const headerTableBytes = 4_096;

/** What {@link Incoming} needs of its connection. */
export interface IncomingConnection {
  readonly streams: StreamTable;
  /** Returns an open stream; undefined for a closed one. Throws for an idle one. */
  streamOf(streamId: number): Stream | undefined;
  /** Resets a stream whose peer violated HTTP/2. */
  violation(stream: Stream, code: number, text: string): void;
  /** Ends a stream, if it is open, without a frame. */
  remove(stream: Stream, end: StreamEnd): void;
  /** Throws if too much waits that flow control does not limit. */
  checkUnsent(): void;
}

/** HEADERS and DATA that arrive: passed on to their streams as the states of these and flow control allow. */
export class Incoming {
  readonly #connection: IncomingConnection;
  readonly #role: Role;
  readonly #output: Output;
  readonly #flood: FloodGuard;
  readonly #resetHere: ResetStreams;
  readonly #headers: HeaderReader;
  readonly #streamWindowBytes: number;
  readonly #receiveWindow: ReceiveWindow;
  /** The stream of the current DATA frame; undefined if its content is dropped. */
  #dataStream: Stream | undefined;
  #dataBytes = 0;
  #dataEndsStream = false;

  constructor(
    connection: IncomingConnection,
    role: Role,
    limits: ConnectionLimits,
    output: Output,
    flood: FloodGuard,
    resetHere: ResetStreams,
  ) {
    this.#connection = connection;
    this.#role = role;
    this.#output = output;
    this.#flood = flood;
    this.#resetHere = resetHere;
    this.#headers = new HeaderReader(headerTableBytes, limits.headerListLimitBytes, {
      allowsOuterSpaces: role.isClient,
    });
    this.#streamWindowBytes = limits.streamWindowBytes;
    this.#receiveWindow = new ReceiveWindow(output, limits.connectionWindowBytes);
  }

  /** Begins a DATA frame. */
  startData(flags: number, streamId: number, length: number): void {
    this.#dataBytes = length;
    this.#dataEndsStream = (flags & frameFlag.endStream) !== 0;
    this.#dataStream = undefined;
    if (length === 0 && !this.#dataEndsStream) this.#flood.count();
    this.#receiveWindow.take(length);
    const stream =
      this.#connection.streamOf(streamId) ?? this.#ignoreOnClosed(streamId, this.#dataEndsStream);
    if (!stream) return;
    if (stream.endedByPeer)
      return void this.#connection.violation(
        stream,
        errorCode.streamClosed,
        "DATA after the end of the stream",
      );
    if (!stream.hasHeaders)
      return void this.#connection.violation(stream, errorCode.protocolError, "DATA before the headers");
    stream.receiveWindow -= length;
    if (stream.receiveWindow < 0)
      return void this.#connection.violation(
        stream,
        errorCode.flowControlError,
        "the peer exceeded the stream's window",
      );
    this.#dataStream = stream;
  }

  /** Takes a part of the content of a DATA frame. */
  onData(chunk: Buffer, start: number, end: number): void {
    const stream = this.#dataStream;
    if (!stream || stream.isClosed) return;
    if (stream.contentLeft !== undefined) {
      stream.contentLeft -= end - start;
      if (stream.contentLeft < 0)
        return void this.#connection.violation(
          stream,
          errorCode.protocolError,
          "more content than content-length announces",
        );
    }
    stream.receiver.onData(chunk, start, end);
  }

  /** Ends a DATA frame. */
  onDataEnd(): void {
    const stream = this.#dataStream;
    this.#dataStream = undefined;
    const bytes = this.#dataBytes;
    if (!stream || stream.isClosed) {
      this.#receiveWindow.credit(bytes);
      return;
    }
    stream.uncreditedBytes += bytes;
    if (this.#dataEndsStream) this.#endByPeer(stream);
    if (!stream.isPaused) this.credit(stream);
  }

  /** Takes the headers or trailers of a stream. */
  onBlock(block: HeaderBlock): void {
    const { streamId, endStream } = block;
    const known = this.#connection.streams.get(streamId);
    const { isClient } = this.#role;
    const kind: HeaderKind = known?.hasHeaders ? "trailers" : isClient ? "response" : "request";
    // Decoded also for streams that are closed: the compression table belongs to the connection.
    const headers = this.#headers.read(block, kind);
    let stream = known;
    if (!stream && !isClient && streamId > this.#role.lastStreamId) {
      this.#connection.checkUnsent();
      stream = this.#role.open(streamId, headers);
    } else if (!stream) {
      stream = this.#connection.streamOf(streamId) ?? this.#ignoreOnClosed(streamId, endStream);
      if (!stream) this.#flood.count();
    }
    if (!stream || stream.isClosed) return;
    if (stream.endedByPeer)
      return void this.#connection.violation(
        stream,
        errorCode.streamClosed,
        "HEADERS after the end of the stream",
      );
    if (headers.isTooLarge)
      return void this.#connection.violation(
        stream,
        errorCode.enhanceYourCalm,
        "the header list is too large",
      );
    if (headers.problem !== undefined)
      return void this.#connection.violation(stream, errorCode.protocolError, headers.problem);
    if (kind === "trailers") this.#onTrailers(stream, headers.fields, endStream);
    else this.#onFirstHeaders(stream, headers.fields, endStream);
  }

  #onFirstHeaders(stream: Stream, headers: HeaderMap, endStream: boolean): void {
    if (this.#role.isClient && headers[":status"]?.startsWith("1")) {
      this.#flood.count();
      if (endStream)
        this.#connection.violation(
          stream,
          errorCode.protocolError,
          "an informational response ends the stream",
        );
      return;
    }
    stream.hasHeaders = true;
    const length = headers["content-length"];
    if (length !== undefined) {
      if (!/^\d{1,15}$/.test(length))
        return void this.#connection.violation(
          stream,
          errorCode.protocolError,
          "content-length is not a number",
        );
      stream.contentLeft = Number(length);
    }
    stream.receiver.onHeaders(headers);
    if (endStream && !stream.isClosed) this.#endByPeer(stream);
  }

  #onTrailers(stream: Stream, trailers: HeaderMap, endStream: boolean): void {
    if (!endStream)
      return void this.#connection.violation(
        stream,
        errorCode.protocolError,
        "trailers do not end the stream",
      );
    if (!this.#contentIsComplete(stream)) return;
    stream.receiver.onTrailers(trailers);
    if (!stream.isClosed) this.#endByPeer(stream);
  }

  #endByPeer(stream: Stream): void {
    if (!this.#contentIsComplete(stream)) return;
    stream.endedByPeer = true;
    stream.receiver.onEnd();
    if (stream.endedHere) this.#connection.remove(stream, completeEnd);
  }

  #contentIsComplete(stream: Stream): boolean {
    if (stream.contentLeft === undefined || stream.contentLeft === 0) return true;
    // The response to HEAD announces the content that GET would have; neither gRPC nor CRI uses it.
    this.#connection.violation(stream, errorCode.protocolError, "less content than content-length announces");
    return false;
  }

  /** Ignores DATA and HEADERS on a stream that was reset here. Throws if the peer itself had ended the stream. */
  #ignoreOnClosed(streamId: number, endStream: boolean): undefined {
    if (!this.#resetHere.has(streamId))
      throw new Http2Error(errorCode.streamClosed, `a frame on the closed stream ${streamId}`);
    if (endStream) this.#resetHere.delete(streamId);
  }

  /** Gives what a stream has received back to the peer's windows, once it is worth a frame. */
  credit(stream: Stream): void {
    const bytes = stream.uncreditedBytes;
    if (bytes === 0) return;
    const streamWindowBytes = this.#streamWindowBytes;
    // A window that is almost used up is given back in parts of at least a quarter.
    if (!stream.isClosed && !stream.endedByPeer && stream.receiveWindow < streamWindowBytes / 2) {
      const missing = streamWindowBytes - stream.receiveWindow;
      stream.receiveWindow += missing;
      this.#output.push(windowUpdateFrame(stream.id, missing));
    }
    stream.uncreditedBytes = 0;
    this.#receiveWindow.credit(bytes);
  }
}
