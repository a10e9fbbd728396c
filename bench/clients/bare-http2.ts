import { type ClientHttp2Session, connect } from "node:http2";
import { connect as openSocket } from "node:net";
import type { BenchClient, Sockets } from "./client.js";

/** An empty message with gRPC's prefix. */
const body = Buffer.alloc(5);
const windowBytes = 16 * 2 ** 20;

/** The limit: a request of node:http2 and the bytes of its answer, with nothing of gRPC or protobuf around it. */
export function bareHttp2(sockets: Sockets): BenchClient {
  const versions = open(sockets.version);
  const lists = open(sockets.list);
  return {
    version: () => request(versions, "Version"),
    list: () => request(lists, "ListContainers"),
    close() {
      versions.destroy();
      lists.destroy();
    },
  };
}

function open(path: string): ClientHttp2Session {
  const session = connect("http://localhost", {
    createConnection: () => openSocket(path),
    settings: { enablePush: false, initialWindowSize: windowBytes },
  });
  session.once("connect", () => session.setLocalWindowSize(windowBytes));
  return session;
}

function request(session: ClientHttp2Session, method: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ":method": "POST",
      ":scheme": "http",
      ":authority": "localhost",
      ":path": `/runtime.v1.RuntimeService/${method}`,
      "content-type": "application/grpc",
      te: "trailers",
    });
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => resolve(Buffer.concat(chunks)));
    stream.on("error", reject);
    stream.end(body);
  });
}
