import { connect as openSocket } from "node:net";
import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { RuntimeService } from "cri-sdk/v1";
import { type BenchClient, type Sockets, timeoutMs } from "./client.js";

/** Connect's own gRPC transport. */
export function connectNode(sockets: Sockets): BenchClient {
  const versions = open(sockets.version);
  const lists = open(sockets.list);
  return {
    version: () => versions.client.version({}, { timeoutMs }),
    list: () => lists.client.listContainers({}, { timeoutMs }),
    close() {
      versions.sessions.abort();
      lists.sessions.abort();
    },
  };
}

function open(path: string): { client: Client<typeof RuntimeService>; sessions: Http2SessionManager } {
  const baseUrl = "http://localhost";
  const sessions = new Http2SessionManager(baseUrl, {}, { createConnection: () => openSocket(path) });
  const transport = createGrpcTransport({ baseUrl, sessionManager: sessions });
  return { client: createClient(RuntimeService, transport), sessions };
}
