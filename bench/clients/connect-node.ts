import { connect as openSocket } from "node:net";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { RuntimeService } from "cri-sdk/v1";
import { type BenchClient, filterFor, timeoutMs } from "./client.js";

/** Connect's own gRPC transport. */
export function connectNode(path: string): BenchClient {
  const baseUrl = "http://localhost";
  const sessionManager = new Http2SessionManager(baseUrl, {}, { createConnection: () => openSocket(path) });
  const client = createClient(RuntimeService, createGrpcTransport({ baseUrl, sessionManager }));
  return {
    version: () => client.version({}, { timeoutMs }),
    list: (containers) => client.listContainers({ filter: filterFor(containers) }, { timeoutMs }),
  };
}
