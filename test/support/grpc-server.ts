import assert from "node:assert/strict";
import { once } from "node:events";
import {
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
} from "node:http2";
import type { ListenOptions } from "node:net";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { ConnectRouter } from "@connectrpc/connect";
import { compressionGzip, connectNodeAdapter } from "@connectrpc/connect-node";
import { cleanup } from "./cleanup.js";
import { tempFolder } from "./temp.js";
import { until } from "./waiting.js";

export interface GrpcServer {
  readonly url: string;
  readonly path: string;
  readonly server: Http2Server;
  readonly sessions: Set<ServerHttp2Session>;
  /** The number of connections accepted so far. */
  connections: number;
  /** The headers of every request, in order. */
  readonly requests: IncomingHttpHeaders[];
  /** The HTTP/2 error codes of the streams that have closed. */
  readonly endedWith: number[];
  /** The number of open streams. */
  running: number;
}

export interface GrpcServerOptions {
  /** Default: a unix socket in a temporary folder. */
  readonly listen?: ListenOptions;
  /** Compresses messages of at least this many bytes, for clients that accept gzip. Default: none. */
  readonly gzipFromBytes?: number;
}

/**
 * Connect's gRPC server on node:http2. After the test, and after the transports that were created later have closed, it
 * checks that no connection and no stream is open.
 */
export async function grpcServer(
  t: TestContext,
  routes: (router: ConnectRouter) => void,
  { listen, gzipFromBytes = Number.MAX_SAFE_INTEGER }: GrpcServerOptions = {},
): Promise<GrpcServer> {
  const path = join(await tempFolder(t), "grpc.sock");
  const handler = connectNodeAdapter({
    routes,
    acceptCompression: [compressionGzip],
    compressMinBytes: gzipFromBytes,
  });
  const server = createServer({ settings: { initialWindowSize: 2 ** 20 } }, handler);
  const self: GrpcServer = {
    path,
    url: `unix://${path}`,
    server,
    sessions: new Set(),
    connections: 0,
    requests: [],
    endedWith: [],
    running: 0,
  };
  server.on("session", (session) => {
    self.connections++;
    self.sessions.add(session);
    session.on("error", () => undefined);
    session.on("close", () => self.sessions.delete(session));
  });
  server.on("stream", (stream, headers) => {
    self.requests.push(headers);
    self.running++;
    stream.on("error", () => undefined);
    stream.on("close", () => {
      self.running--;
      self.endedWith.push(stream.rstCode);
    });
  });
  server.listen(listen ?? { path });
  await once(server, "listening");
  cleanup(t, async () => {
    try {
      await until(
        () => self.sessions.size === 0 && self.running === 0,
        "the client has closed its connections",
      );
    } finally {
      const { running, sessions } = self;
      const open = sessions.size;
      for (const session of sessions) session.destroy();
      server.close();
      assert.deepEqual({ open, running }, { open: 0, running: 0 });
    }
  });
  return self;
}
