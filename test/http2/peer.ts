import type { Duplex } from "node:stream";
import {
  ClientConnection,
  type ClientOptions,
  type HeaderMap,
  RepeatedHeaders,
  ServerConnection,
  type ServerOptions,
  type Stream,
  type StreamEnd,
  type StreamReceiver,
} from "../../src/http2/index.js";
import { duplexPair } from "../support/duplex-pair.js";
import * as h2 from "../support/frames.js";
import { until } from "../support/waiting.js";

export const requestFields = {
  ":method": "POST",
  ":scheme": "http",
  ":path": "/s/m",
  ":authority": "localhost",
} as const;
export const requestHeaders = new RepeatedHeaders(requestFields);
export const responseHeaders = new RepeatedHeaders({ ":status": "200" });
export const okTrailers = new RepeatedHeaders({ "grpc-status": "0" });

/** Records what a stream receives. `log` has one entry for each callback, in order. */
export class Recorder implements StreamReceiver {
  readonly log: string[] = [];
  headers: HeaderMap | undefined;
  trailers: HeaderMap | undefined;
  readonly parts: Buffer[] = [];
  bytes = 0;
  end: StreamEnd | undefined;

  onHeaders(headers: HeaderMap): void {
    this.#add("headers");
    this.headers = headers;
  }

  onData(chunk: Buffer, start: number, end: number): void {
    this.#add("data");
    this.bytes += end - start;
    this.parts.push(Buffer.from(chunk.subarray(start, end)));
  }

  onTrailers(trailers: HeaderMap): void {
    this.#add("trailers");
    this.trailers = trailers;
  }

  onEnd(): void {
    this.#add("end");
  }

  onDrain(): void {
    this.#add("drain");
  }

  onClose(end: StreamEnd): void {
    this.#add(`close ${end.cause} ${end.code}`);
    this.end = end;
  }

  #add(entry: string): void {
    if (this.end) throw new Error(`${entry} after the end`);
    if (entry !== "data" || this.log.at(-1) !== "data") this.log.push(entry);
  }
}

/** The peer of a connection under test, which sends and records single frames. */
export class RawPeer {
  readonly socket: Duplex;
  readonly frames: h2.Frame[] = [];
  closed = false;
  #pings = 0;

  constructor(socket: Duplex, tested: "client" | "server", options: { readonly reads?: boolean } = {}) {
    this.socket = socket;
    const reader = new h2.FrameReader(tested);
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.closed = true;
    });
    if (options.reads === false) return;
    socket.on("data", (chunk: Buffer) => this.frames.push(...reader.push(chunk)));
    socket.on("end", () => socket.end());
  }

  send(...bytes: readonly Uint8Array[]): void {
    if (this.socket.writable) this.socket.write(Buffer.concat(bytes));
  }

  of(type: number, streamId?: number): h2.Frame[] {
    return this.frames.filter((f) => f.type === type && (streamId === undefined || f.streamId === streamId));
  }

  /** The error code of the first GOAWAY. */
  get goaway(): number | undefined {
    return this.of(h2.frameType.goaway)[0]?.payload.readUInt32BE(4);
  }

  /** The error code of a stream's RST_STREAM. */
  reset(streamId: number): number | undefined {
    return this.of(h2.frameType.rst, streamId)[0]?.payload.readUInt32BE(0);
  }

  /** Waits until what was sent before is processed: by a PING, or because the connection ended. */
  async settled(ms?: number): Promise<void> {
    const acks = ++this.#pings;
    this.send(h2.frame(h2.frameType.ping, 0, 0, Buffer.alloc(8, 7)));
    const hasAck = () => this.of(h2.frameType.ping).filter((f) => f.flags === 1).length >= acks;
    await until(() => hasAck() || this.closed || this.socket.readableEnded, "the frames are processed", ms);
  }
}

/** What happened to a connection under test. */
interface ConnectionLog {
  readonly log: string[];
  error: Error | undefined;
}

export interface TestedServer extends ConnectionLog {
  readonly peer: RawPeer;
  readonly connection: ServerConnection;
  readonly streams: Stream[];
  /** By the order of their requests. */
  readonly received: Recorder[];
}

export interface TestedClient extends ConnectionLog {
  readonly peer: RawPeer;
  readonly connection: ClientConnection;
  /** Sends a request; without a body, the stream stays open. */
  request(body?: Buffer): { readonly stream: Stream; readonly received: Recorder };
}

/** A server's connection with a raw client, which has not sent anything. */
export function testedServer(
  options: ServerOptions = {},
  onStream: (stream: Stream, received: Recorder) => StreamReceiver = (_, received) => received,
  sockets: readonly [Duplex, Duplex] = duplexPair(),
  peerOptions: { readonly reads?: boolean } = {},
): TestedServer {
  const tested = { log: [], error: undefined, streams: [], received: [] } as unknown as TestedServer;
  const connection = new ServerConnection(
    sockets[0],
    {
      onReady: () => tested.log.push("ready"),
      onStream(stream) {
        const received = new Recorder();
        tested.streams.push(stream);
        tested.received.push(received);
        return onStream(stream, received);
      },
      onEnd(error) {
        tested.log.push("end");
        tested.error = error;
      },
      onClose: () => tested.log.push("close"),
    },
    options,
  );
  return Object.assign(tested, { connection, peer: new RawPeer(sockets[1], "server", peerOptions) });
}

/** A client's connection with a raw server, which has not sent anything. */
export function testedClient(
  options: ClientOptions = {},
  sockets: readonly [Duplex, Duplex] = duplexPair(),
  peerOptions: { readonly reads?: boolean } = {},
): TestedClient {
  const tested = { log: [], error: undefined } as unknown as TestedClient;
  const connection = new ClientConnection(
    sockets[0],
    {
      onReady: () => tested.log.push("ready"),
      onGoaway: ({ code }) => tested.log.push(`goaway ${code}`),
      onEnd(error) {
        tested.log.push("end");
        tested.error = error;
      },
      onClose: () => tested.log.push("close"),
    },
    options,
  );
  return Object.assign(tested, {
    connection,
    peer: new RawPeer(sockets[1], "client", peerOptions),
    request(body?: Buffer) {
      const received = new Recorder();
      return { stream: connection.request(requestHeaders, undefined, body, received), received };
    },
  });
}
