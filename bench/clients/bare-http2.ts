import { connect } from "node:http2";
import { connect as openSocket } from "node:net";
import { create, toBinary } from "@bufbuild/protobuf";
import { ListContainersRequestSchema } from "cri-sdk/v1";
import { type BenchClient, filterFor } from "./client.js";

const windowBytes = 16 * 2 ** 20;

/** The upper limit of node:http2: its requests and the bytes of the responses, without gRPC and protobuf. */
export function bareHttp2(path: string): BenchClient {
  const session = connect("http://localhost", {
    createConnection: () => openSocket(path),
    settings: { enablePush: false, initialWindowSize: windowBytes },
  });
  session.once("connect", () => session.setLocalWindowSize(windowBytes));
  const request = (method: string, body: Buffer): Promise<Buffer> =>
    new Promise((resolve, reject) => {
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
  const empty = prefixed(new Uint8Array());
  return {
    version: () => request("Version", empty),
    list: (containers) => {
      const message = create(ListContainersRequestSchema, { filter: filterFor(containers) });
      return request("ListContainers", prefixed(toBinary(ListContainersRequestSchema, message)));
    },
  };
}

/** Returns the message with the prefix of gRPC. */
function prefixed(message: Uint8Array): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.byteLength, 1);
  return Buffer.concat([prefix, message]);
}
