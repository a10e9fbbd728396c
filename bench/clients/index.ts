import { bareHttp2 } from "./bare-http2.js";
import type { BenchClient } from "./client.js";
import { connectNode } from "./connect-node.js";
import { criSdk } from "./cri-sdk.js";
import { grpcJs } from "./grpc-js.js";

/** All clients for Node by name. */
export const clients = {
  "cri-sdk": criSdk,
  "grpc-js": grpcJs,
  "connect-node": connectNode,
  "bare http2": bareHttp2,
} as const satisfies Record<string, (path: string) => BenchClient | Promise<BenchClient>>;

export type ClientName = keyof typeof clients;
