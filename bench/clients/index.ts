import { bareHttp2 } from "./bare-http2.js";
import type { BenchClient, Sockets } from "./client.js";
import { connectNode } from "./connect-node.js";
import { criSdk } from "./cri-sdk.js";
import { grpcJs } from "./grpc-js.js";

export type { BenchClient, Sockets } from "./client.js";

/** Everything that is measured, by name. */
export const clients = {
  "cri-sdk": criSdk,
  "grpc-js": grpcJs,
  "connect-node": connectNode,
  "bare http2": bareHttp2,
} as const satisfies Record<string, (sockets: Sockets) => BenchClient | Promise<BenchClient>>;

export type ClientName = keyof typeof clients;
