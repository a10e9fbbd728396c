import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { cleanup } from "./cleanup.js";
import * as h2 from "./frames.js";
import { tempFolder } from "./temp.js";

/** One client's connection, as a server sees it that speaks in single frames. */
export class Peer {
  readonly socket: Socket;
  /** Every frame the client sent, in order. */
  readonly frames: h2.Frame[] = [];
  closed = false;

  constructor(socket: Socket) {
    this.socket = socket;
  }

  send(...bytes: Uint8Array[]): void {
    if (!this.socket.destroyed) this.socket.write(Buffer.concat(bytes));
  }

  /** The frames of one type, of one stream if given. */
  of(type: number, streamId?: number): h2.Frame[] {
    return this.frames.filter((f) => f.type === type && (streamId === undefined || f.streamId === streamId));
  }

  /** The HTTP/2 error code of the client's RST_STREAM for a stream. */
  resetCode(streamId: number): number | undefined {
    return this.of(h2.frameType.rst, streamId)[0]?.payload.readUInt32BE(0);
  }
}

export interface RawServerScript {
  /** Instead of the greeting: whatever this server says when somebody connects. */
  readonly onConnect?: (peer: Peer, nth: number) => void;
  /** A request has arrived in full; `nth` counts from 1 over all connections. */
  readonly onRequest?: (peer: Peer, streamId: number, nth: number) => void;
  /** The settings of the greeting. */
  readonly settings?: Readonly<Record<number, number>>;
  /** False for a server that greets, and reads nothing after that. */
  readonly reads?: boolean;
  /** True for a server that never hangs up, not even on a client that has. */
  readonly stays?: boolean;
}

export interface RawServer {
  readonly path: string;
  readonly url: string;
  readonly peers: Peer[];
  /** Requests that arrived in full. */
  requests: number;
  /** Stops listening, and hangs up on everybody. */
  stop(): Promise<void>;
}

/** A server on a unix socket that says exactly what the script says. Gone after the test. */
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
        // What every peer does that is told goodbye.
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
