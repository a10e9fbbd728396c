import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { cleanup } from "./cleanup.js";
import * as h2 from "./frames.js";
import { tempFolder } from "./temp.js";

/** A client's connection to a server that reads and sends single frames. */
export class Peer {
  readonly socket: Socket;
  /** All frames that the client has sent, in order. */
  readonly frames: h2.Frame[] = [];
  closed = false;

  constructor(socket: Socket) {
    this.socket = socket;
  }

  send(...bytes: Uint8Array[]): void {
    if (!this.socket.destroyed) this.socket.write(Buffer.concat(bytes));
  }

  /** Frames of one type, optionally of one stream. */
  of(type: number, streamId?: number): h2.Frame[] {
    return this.frames.filter((f) => f.type === type && (streamId === undefined || f.streamId === streamId));
  }

  /** The HTTP/2 error code of the client's RST_STREAM for a stream. */
  resetCode(streamId: number): number | undefined {
    return this.of(h2.frameType.rst, streamId)[0]?.payload.readUInt32BE(0);
  }
}

export interface RawServerScript {
  /** Called for each connection, instead of sending SETTINGS; `nth` counts from 1. */
  readonly onConnect?: (peer: Peer, nth: number) => void;
  /** Called when a request has arrived completely; `nth` counts from 1 over all connections. */
  readonly onRequest?: (peer: Peer, streamId: number, nth: number) => void;
  /** The values in the server's SETTINGS frame. */
  readonly settings?: Readonly<Record<number, number>>;
  /** Default: true. With false, the server sends SETTINGS and reads nothing. */
  readonly reads?: boolean;
  /** Default: false. With true, the server keeps its half of a connection open after the client has ended its own. */
  readonly stays?: boolean;
}

export interface RawServer {
  readonly path: string;
  readonly url: string;
  readonly peers: Peer[];
  /** The number of requests that have arrived completely. */
  requests: number;
  /** Stops listening and destroys all connections. */
  stop(): Promise<void>;
}

/** A server on a unix socket that sends what the script sends. It is stopped after the test. */
export async function rawServer(t: TestContext, script: RawServerScript): Promise<RawServer> {
  const path = join(await tempFolder(t), "raw.sock");
  const server = createServer({ allowHalfOpen: script.stays === true });
  const self: RawServer = {
    path,
    url: `unix://${path}`,
    peers: [],
    requests: 0,
    async stop() {
      for (const peer of self.peers) peer.socket.destroy();
      if (!server.listening) return;
      server.close();
      await once(server, "close");
    },
  };
  server.on("connection", (socket) => {
    const peer = new Peer(socket);
    self.peers.push(peer);
    socket.on("error", () => undefined);
    socket.on("close", () => {
      peer.closed = true;
    });
    if (script.onConnect) script.onConnect(peer, self.peers.length);
    else peer.send(h2.settings(script.settings));
    if (script.reads === false) return;
    const reader = new h2.FrameReader();
    socket.on("data", (chunk) => {
      for (const frame of reader.push(chunk)) {
        peer.frames.push(frame);
        if (frame.type === h2.frameType.settings && frame.flags === 0 && !script.onConnect)
          peer.send(h2.settingsAck());
        // As every HTTP/2 peer does after a GOAWAY.
        if (frame.type === h2.frameType.goaway) socket.end();
        const mayEnd = frame.type === h2.frameType.headers || frame.type === h2.frameType.data;
        if (mayEnd && frame.flags & 1) script.onRequest?.(peer, frame.streamId, ++self.requests);
      }
    });
  });
  server.listen(path);
  await once(server, "listening");
  cleanup(t, () => self.stop());
  return self;
}
