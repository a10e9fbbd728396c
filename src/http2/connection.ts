import type { Duplex } from "node:stream";
import { errorCode, Http2Error } from "./errors.js";
import { FloodGuard } from "./flood-guard.js";
import { FrameReader, type FrameReceiver } from "./frame-reader.js";
import { checkFrameHeader } from "./frame-rules.js";
import {
  connectionPreface,
  defaultWindowBytes,
  frame,
  frameFlag,
  frameType,
  goawayFrame,
  max31Bits,
  rstStreamFrame,
  setting,
  settingsAckFrame,
  settingsFrame,
  windowUpdateFrame,
} from "./frames.js";
import { type HeaderBlock, HeaderBlocks } from "./header-blocks.js";
import type { HeaderFields, RepeatedHeaders } from "./hpack/encoder.js";
import { Incoming } from "./incoming.js";
import type { ConnectionLimits } from "./limits.js";
import { Output } from "./output.js";
import { ResetStreams } from "./reset-streams.js";
import type { Role } from "./role.js";
import { Sender } from "./sender.js";
import { readSettings } from "./settings.js";
import { completeEnd, connectionEnd, type Stream, type StreamConnection, type StreamEnd } from "./stream.js";
import { StreamTable } from "./stream-table.js";

/** How long the peer may take to close the socket after the end of the connection, in milliseconds. */
const lingerMs = 1_000;

/** The part of an HTTP/2 connection that both roles share: its frames, its settings, its streams, and its end. */
export class Connection implements FrameReceiver, StreamConnection {
  readonly streams = new StreamTable();
  readonly sender: Sender;
  readonly #socket: Duplex;
  readonly #role: Role;
  readonly #limits: ConnectionLimits;
  readonly #reader: FrameReader;
  readonly #blocks: HeaderBlocks;
  readonly #incoming: Incoming;
  readonly #output: Output;
  readonly #flood = new FloodGuard();
  readonly #resetHere = new ResetStreams();
  #receivedBytes = 0;
  #hasSettings = false;
  /** The windows of new streams: what the peer allows, and what it is allowed. */
  #peerStreamWindow = defaultWindowBytes;
  peerMaxStreams = Number.POSITIVE_INFINITY;
  #pings: (() => void)[] = [];
  #goawaySent = false;
  #isClosing = false;
  #isDestroyed = false;
  #error: Error | undefined;

  constructor(socket: Duplex, role: Role, limits: ConnectionLimits) {
    this.#socket = socket;
    this.#role = role;
    this.#limits = {
      ...limits,
      // Smaller windows would be violated by peers that have not received the SETTINGS yet.
      streamWindowBytes: Math.max(limits.streamWindowBytes, defaultWindowBytes),
      connectionWindowBytes: Math.max(limits.connectionWindowBytes, defaultWindowBytes),
    };
    this.#reader = new FrameReader(this, { expectsPreface: !role.isClient });
    this.#blocks = new HeaderBlocks(2 * limits.headerListLimitBytes);
    this.#output = new Output(socket, () => this.sender.pump());
    this.sender = new Sender(this.#output, limits.queueLimit);
    this.#incoming = new Incoming(this, role, this.#limits, this.#output, this.#flood, this.#resetHere);
    this.#greet();
    socket.on("data", (chunk: Buffer) => this.receive(chunk));
    socket.once("end", () => this.#onSocketEnd());
    socket.on("error", (error) => {
      this.#error ??= error;
    });
    socket.once("close", () => this.#onSocketClosed());
    // Then it will not emit `close` again.
    if (socket.closed) process.nextTick(() => this.#onSocketClosed());
  }

  /** Whether the connection has ended, or ends after the streams that are open. */
  get isClosing(): boolean {
    return this.#isClosing || this.#isDestroyed;
  }

  /** Whether no stream can go on. */
  get isDestroyed(): boolean {
    return this.#isDestroyed;
  }

  get unsentBytes(): number {
    return this.#output.unsentBytes;
  }

  /** The number of bytes that have arrived so far. */
  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  #greet(): void {
    const { isClient } = this.#role;
    const { streamWindowBytes, maxConcurrentStreams, headerListLimitBytes } = this.#limits;
    const values: [number, number][] = [
      [setting.initialWindowSize, streamWindowBytes],
      [setting.maxHeaderListSize, headerListLimitBytes],
    ];
    if (isClient) values.push([setting.enablePush, 0]);
    if (maxConcurrentStreams !== undefined) values.push([setting.maxConcurrentStreams, maxConcurrentStreams]);
    const frames = [settingsFrame(values)];
    if (isClient) frames.unshift(connectionPreface);
    const more = this.#limits.connectionWindowBytes - defaultWindowBytes;
    if (more > 0) frames.push(windowUpdateFrame(0, more));
    this.#output.push(Buffer.concat(frames));
  }

  // What arrives.

  /** Reads what has arrived: the first `length` bytes of `chunk`, which may be overwritten afterwards. */
  receive(chunk: Buffer, length = chunk.length): void {
    this.#receivedBytes += length;
    try {
      this.#reader.push(chunk, length);
    } catch (error) {
      if (error instanceof Http2Error) this.#fail(error.http2Code, error);
      else {
        // A callback threw: the rest of the chunk is lost, so the connection cannot go on.
        this.#fail(errorCode.internalError, error as Error);
        throw error;
      }
    }
  }

  onFrameHeader(type: number, flags: number, streamId: number, length: number): void {
    if (!this.#hasSettings && (type !== frameType.settings || (flags & frameFlag.ack) !== 0))
      throw protocolError("the first frame is not SETTINGS");
    this.#blocks.checkOrder(type, streamId);
    checkFrameHeader(type, streamId, length);
    if (type === frameType.data) this.#incoming.startData(flags, streamId, length);
  }

  onFrame(type: number, flags: number, streamId: number, chunk: Buffer, start: number, end: number): void {
    if (type === frameType.headers) this.#onBlock(this.#blocks.begin(flags, streamId, chunk, start, end));
    else this.#onOtherFrame(type, flags, streamId, chunk.subarray(start, end));
  }

  #onOtherFrame(type: number, flags: number, streamId: number, payload: Buffer): void {
    switch (type) {
      case frameType.continuation:
        // Empty parts are free for the peer.
        if (payload.length < 256) this.#flood.count();
        return void this.#onBlock(this.#blocks.add(flags, payload));
      case frameType.rstStream:
        return void this.#onReset(streamId, payload.readUInt32BE());
      case frameType.settings:
        return void this.#onSettings(flags, payload);
      case frameType.pushPromise:
        throw protocolError("the peer sent PUSH_PROMISE");
      case frameType.ping:
        return void this.#onPing(flags, payload);
      case frameType.goaway:
        return void this.#onGoaway(payload);
      case frameType.windowUpdate:
        return void this.#onWindowUpdate(streamId, payload.readUInt32BE() & max31Bits);
      default:
        // PRIORITY and unknown frames have no effect.
        this.#flood.count();
    }
  }

  #onBlock(block: HeaderBlock | undefined): void {
    if (block) this.#incoming.onBlock(block);
  }

  onData(chunk: Buffer, start: number, end: number): void {
    this.#incoming.onData(chunk, start, end);
  }

  onDataEnd(): void {
    this.#incoming.onDataEnd();
  }

  #onReset(streamId: number, code: number): void {
    const stream = this.streamOf(streamId);
    if (!stream) {
      this.#resetHere.delete(streamId);
      return;
    }
    if (!this.#role.isClient && !stream.endedHere) this.#flood.count();
    const unprocessed = this.#role.isClient && code === errorCode.refusedStream;
    this.remove(stream, { cause: "reset-by-peer", code, unprocessed, error: undefined });
  }

  #onSettings(flags: number, payload: Buffer): void {
    this.#flood.count();
    if ((flags & frameFlag.ack) !== 0) {
      if (payload.length > 0)
        throw new Http2Error(errorCode.frameSizeError, "an acknowledgement has a payload");
      return;
    }
    const settings = readSettings(payload, this.#role.isClient);
    // First, since the peer may apply its new values only when it has this.
    this.#reply(settingsAckFrame);
    const { headerTableSize, maxFrameSize, maxConcurrentStreams, initialWindowSize } = settings;
    if (headerTableSize !== undefined) this.sender.encoder.setTableLimit(headerTableSize);
    if (maxFrameSize !== undefined) this.sender.maxFrameBytes = maxFrameSize;
    if (maxConcurrentStreams !== undefined) this.peerMaxStreams = maxConcurrentStreams;
    if (initialWindowSize !== undefined) this.#changeStreamWindows(initialWindowSize);
    const isFirst = !this.#hasSettings;
    this.#hasSettings = true;
    if (isFirst) this.#role.onReady();
    this.#role.onPlace();
  }

  /** A change of the initial window applies to the streams that are open, too. */
  #changeStreamWindows(bytes: number): void {
    const change = bytes - this.#peerStreamWindow;
    this.#peerStreamWindow = bytes;
    for (const stream of this.streams.list()) {
      stream.sendWindow += change;
      if (stream.sendWindow > max31Bits)
        throw new Http2Error(errorCode.flowControlError, "SETTINGS make a stream's window too large");
      this.sender.resume(stream);
    }
  }

  #onPing(flags: number, payload: Buffer): void {
    if ((flags & frameFlag.ack) !== 0) {
      const onAck = this.#pings.shift();
      if (onAck) onAck();
      else this.#flood.count();
      return;
    }
    this.#flood.count();
    this.#reply(frame(frameType.ping, frameFlag.ack, 0, payload));
  }

  /** Sends a reply that flow control does not limit. */
  #reply(bytes: Buffer): void {
    this.checkUnsent();
    this.#output.push(bytes);
  }

  /** Throws if too much waits that flow control does not limit: replies, headers and trailers. */
  checkUnsent(): void {
    if (this.#output.unsentBytes > this.#limits.unsentLimitBytes)
      throw new Http2Error(errorCode.enhanceYourCalm, "the peer does not read the replies that it causes");
  }

  #onGoaway(payload: Buffer): void {
    if (payload.length < 8) throw new Http2Error(errorCode.frameSizeError, "a GOAWAY frame is too short");
    const lastStreamId = payload.readUInt32BE(0) & max31Bits;
    const goaway = {
      code: payload.readUInt32BE(4),
      lastStreamId,
      debugText: payload.toString("utf8", 8, 1_000),
    };
    this.#isClosing = true;
    // A client may open streams after its GOAWAY: it must learn that they are not processed.
    if (!this.#role.isClient) this.#sendGoaway(errorCode.noError, "");
    this.#role.onGoaway(goaway);
    if (this.#role.isClient)
      for (const stream of this.streams.list())
        if (stream.id > lastStreamId) this.remove(stream, connectionEnd(goaway.code, undefined, true));
    this.#endIfIdle();
  }

  #onWindowUpdate(streamId: number, bytes: number): void {
    if (streamId === 0) {
      if (bytes === 0) throw protocolError("a window update of 0 bytes");
      this.sender.enlargeWindow(bytes);
      return;
    }
    const stream = this.streamOf(streamId);
    if (!stream) return;
    if (bytes === 0)
      return void this.violation(stream, errorCode.protocolError, "a window update of 0 bytes");
    stream.sendWindow += bytes;
    if (stream.sendWindow > max31Bits)
      return void this.violation(stream, errorCode.flowControlError, "the stream's window is too large");
    this.sender.resume(stream);
  }

  /** Returns an open stream; undefined for a closed one. Throws for an idle one. */
  streamOf(streamId: number): Stream | undefined {
    const stream = this.streams.get(streamId);
    if (stream) return stream;
    if (streamId > this.#role.lastStreamId || streamId % 2 === 0)
      throw protocolError(`a frame on the idle stream ${streamId}`);
    return undefined;
  }

  // Streams.

  credit(stream: Stream): void {
    this.#incoming.credit(stream);
  }

  /** Adds a stream that the role has opened. */
  add(stream: Stream, id: number): void {
    stream.id = id;
    stream.sendWindow = this.#peerStreamWindow;
    stream.receiveWindow = this.#limits.streamWindowBytes;
    this.streams.add(stream);
  }

  respond(
    stream: Stream,
    repeated: RepeatedHeaders,
    more: HeaderFields | undefined,
    endStream: boolean,
  ): void {
    stream.headersSent = true;
    if (endStream) stream.final = "data";
    this.sender.headers(stream, repeated, more, endStream);
    if (endStream) this.endHere(stream);
  }

  /** Notes that END_STREAM was sent. */
  endHere(stream: Stream): void {
    stream.endedHere = true;
    if (stream.endedByPeer) this.remove(stream, completeEnd);
  }

  /** Resets an open stream. */
  reset(stream: Stream, code: number, cause: "reset-here" | "violation", error?: Error): void {
    if (stream.id !== 0 && !this.#isDestroyed) {
      this.#output.push(rstStreamFrame(stream.id, code));
      this.#resetHere.add(stream.id);
    }
    this.remove(stream, { cause, code, unprocessed: stream.id === 0, error });
  }

  /** Refuses a stream that was never added. */
  refuse(streamId: number, code: number): void {
    this.ignore(streamId);
    this.#reply(rstStreamFrame(streamId, code));
  }

  /** Ignores what arrives on a stream that was never added. */
  ignore(streamId: number): void {
    this.#flood.count();
    this.#resetHere.add(streamId);
  }

  /** Resets a stream whose peer violated HTTP/2. */
  violation(stream: Stream, code: number, text: string): void {
    this.#flood.count();
    this.reset(stream, code, "violation", new Http2Error(code, text));
  }

  /** Ends a stream, if it is open, without a frame. */
  remove(stream: Stream, end: StreamEnd): void {
    if (stream.isClosed) return;
    stream.closedWith = end;
    this.streams.delete(stream.id);
    this.sender.drop(stream);
    this.credit(stream);
    stream.receiver.onClose(end);
    this.#role.onStreamClosed(stream);
    this.#endIfIdle();
  }

  // The connection itself.

  /** Sends a PING. The callback is called for its acknowledgement, and not if the connection ends before. */
  ping(onAck: () => void): void {
    if (this.#isDestroyed) return;
    this.#pings.push(onAck);
    this.#output.push(frame(frameType.ping, 0, 0, Buffer.alloc(8)));
  }

  /** Sends GOAWAY, accepts no new streams, and closes the connection after the last stream. */
  close(): void {
    this.#sendGoaway(errorCode.noError, "");
    this.#isClosing = true;
    this.#endIfIdle();
  }

  /** Ends every stream and the connection at once. */
  destroy(error?: Error): void {
    this.#error ??= error;
    this.#endStreams(errorCode.cancel);
    this.#output.flush();
    this.#socket.destroy();
  }

  #endIfIdle(): void {
    if (!this.#isClosing || this.#isDestroyed || this.streams.size > 0 || this.#output.isEnded) return;
    this.#output.end();
    this.#socket.once("finish", () => this.#destroySoon());
  }

  #sendGoaway(code: number, debugText: string): void {
    if (this.#goawaySent && code === errorCode.noError) return;
    this.#goawaySent = true;
    this.#output.push(goawayFrame(this.#role.lastProcessedId, code, debugText));
  }

  /** Ends the connection because the peer violated HTTP/2: with GOAWAY, while what arrives is ignored. */
  #fail(code: number, error: Error): void {
    this.#error ??= error;
    this.#reader.stop();
    this.#sendGoaway(code, error instanceof Http2Error ? error.message : "");
    this.#endStreams(code);
    this.#output.end();
    this.#destroySoon();
  }

  /** Destroys the socket if the peer does not close it: the peer may never read or close. */
  #destroySoon(): void {
    const timer = setTimeout(() => this.#socket.destroy(), lingerMs);
    timer.unref();
    this.#socket.once("close", () => clearTimeout(timer));
  }

  #endStreams(code: number): void {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    this.#reader.stop();
    const end = connectionEnd(code, this.#error, false);
    for (const stream of this.streams.list()) this.remove(stream, end);
    this.#role.onEnd(this.#error);
  }

  /** The peer has ended its side. A server may still respond to requests that arrived completely. */
  #onSocketEnd(): void {
    if (this.#role.isClient || !this.#reader.atBoundary) {
      this.destroy();
      return;
    }
    this.#isClosing = true;
    const end = connectionEnd(errorCode.cancel, this.#error, false);
    for (const stream of this.streams.list()) if (!stream.endedByPeer) this.remove(stream, end);
    this.#endIfIdle();
    // A client that waits for its responses acknowledges it; for one that has disconnected, the write fails.
    if (this.streams.size > 0) this.ping(() => undefined);
  }

  #onSocketClosed(): void {
    this.#endStreams(errorCode.cancel);
    this.#pings = [];
    this.#role.onClose();
  }
}

function protocolError(text: string): Http2Error {
  return new Http2Error(errorCode.protocolError, text);
}
